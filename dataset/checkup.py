"""Check-up: whether a data set is what it says: pictures there and whole, ids once, boxes where they can be, splits apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from contracts.errors import VedetteError
from dataset.bounds import ItemError
from dataset.convert import Tick
from dataset.findings import Findings
from dataset.holds import clipped
from dataset.items import Item, Reader
from dataset.near import NearSearch
from dataset.picture_size import picture_size
from dataset.spool import Spool
from vision.planes import MAX_PIXELS, read_picture


@dataclass(frozen=True, slots=True)
class Depth:
    """How far to look: headers of pictures always; hashes where the set knows them; decoding and near-duplicates when asked for."""

    hashes: bool = True
    decode: bool = False
    leaks: bool = False


class CheckUp:
    """`findings.skipped` is what is wrong, `findings.noted` what is allowed and should be known."""

    def __init__(self, reader: Reader, depth: Depth) -> None:
        self.findings: Findings = reader.findings
        self._reader, self._depth = reader, depth
        self._spool = Spool(ids="id TEXT, file TEXT, split TEXT", near="id TEXT, other TEXT")
        self._search = NearSearch(look=depth.leaks)
        self._splits: list[str] = []
        self._used: set[str] = set()
        self.items = self.labels = 0

    def run(self, tick: Tick) -> Findings:
        try:
            for item in self._reader:
                self._item(item)
                self.items += 1
                self.labels += len(item.labels)
                tick(self.items)
            self._set()
        finally:
            self._spool.close()
            self._search.close()
        return self.findings

    def _item(self, item: Item) -> None:
        self._spool.add("ids", item.id, item.file, item.split)
        for other in item.near:
            self._spool.add("near", item.id, other)
        for reason, text in (*self._picture(item), *self._leak(item)):
            self.findings.skip(reason, item.file, text)
        for label in item.labels:
            self._used.add(label.category)
            inside = clipped(label.box, item.width, item.height)
            words = f"{label.category} {list(label.box)} in {item.width}x{item.height}"
            if inside is None:
                self.findings.skip("label outside of the picture", item.file, words)
            elif inside is not label.box:
                self.findings.note("label beyond the edge", item.file, words)

    def _picture(self, item: Item) -> Iterator[tuple[str, str]]:
        if item.path is None or not item.path.is_file():
            yield "picture missing", f"{item.file}: is not there; bring it back or remove its labels"
            return
        try:
            size = picture_size(item.path)
            if size != (item.width, item.height):
                words = f"is {size[0]}x{size[1]}, the labels say {item.width}x{item.height}; they are not of this file"
                yield "picture size", f"{item.path}: {words}"
            if size[0] * size[1] > MAX_PIXELS:
                yield "picture size", f"{item.path}: is {size[0]}x{size[1]}, at most {MAX_PIXELS} pixels are read; make it smaller"
                return
            if self._depth.decode:
                read_picture(item.path.read_bytes(), str(item.path))
            if self._depth.hashes and item.sha256 and item.sha256 != _digest(item.path):
                yield "picture hash", f"{item.path}: is not the file that was put there (its SHA-256 differs); bring it back from a copy"
        except ItemError as error:
            yield "picture damaged", str(error)
        except VedetteError as error:
            yield "picture damaged", str(error)
        except OSError as error:
            yield "picture missing", f"{item.path}: {error.strerror}"

    def _leak(self, item: Item) -> Iterator[tuple[str, str]]:
        """The same picture, or nearly, on two sides."""
        if not self._depth.leaks:
            return
        number = len(self._splits)
        self._splits.append(item.split)
        for reason, found in (("same file", self._search.same(number, item)), ("near-duplicate", self._search.nearest(number, item))):
            if found is not None and self._splits[found] != item.split:
                side = self._splits[found] or "no split"
                yield "leak", f"{item.file} ({item.split}): {reason} of one in {side}; divide with `dataset prepare`"
                return

    def _set(self) -> None:
        """What only shows when all were seen."""
        for what, column, columns in (("id", "id", "id"), ("file name", "file", "file, split")):
            query = f"SELECT {column}, count(*) FROM ids GROUP BY {columns} HAVING count(*) > 1 LIMIT 1000"  # noqa: S608 (names of ours)
            for name, count in self._spool.rows(query):
                self.findings.skip(f"{what} twice", str(name), f"{count} pictures have this {what}; give each its own")
        query = "SELECT id, other FROM near WHERE other NOT IN (SELECT id FROM ids) LIMIT 1000"
        for name, other in self._spool.rows(query):
            self.findings.note("link to nothing", str(name), f"is a near-duplicate of {other}, which is not in the set any more")
        for each in self._reader.categories:
            if each.name not in self._used:
                self.findings.note("class without labels", each.name, "no picture has a label of it")


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
