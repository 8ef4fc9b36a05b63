"""Crate: shipments in a folder, on a stick that knows neither links nor case: where each thing is, the same for box and trainer.

`vedette-shipments/<device>-<data set>/shipment.json`, `pages/<after>-<upto>.page`, `objects/<ab>/<id>.png`, `acks/<receiver>.jsonl`.
A page stands there only when all its pictures do, so what was cut off is seen by what is missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import ProtocolError, StorageError
from contracts.files import refuse_links
from contracts.shipment import Acknowledge, Export, ExportList
from dataset.layout import checked, open_regular, read_small
from dataset.lines import intact, read_lines

TOP = "vedette-shipments"
PAGE = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})\.page")
LARGEST_LIST = 1 << 20
LARGEST_ACKS = 16 << 20  # bytes of a receiver's file; one has a few hundred for each page


class Crate:
    """One data set's shipment. Nothing in it is a link: a foreign stick leads nowhere."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.list = root / "shipment.json"
        self.pages, self.acks = root / "pages", root / "acks"

    def page(self, after: int, upto: int) -> Path:
        return self.pages / f"{after:016x}-{upto:016x}.page"

    def object(self, image_id: str) -> Path:
        return self.root / "objects" / checked(image_id)[:2] / f"{image_id}.png"

    def ack(self, receiver: str) -> Path:
        return self.acks / f"{receiver}.jsonl"

    def acknowledged(self, path: Path) -> Iterator[Acknowledge | None]:
        """What stands in a receiver's file, one after the other, None for each line that is none; StorageError for one beyond all use."""
        refuse_links(self.root, path)
        handle = open_regular(path)
        try:
            if os.fstat(handle).st_size > LARGEST_ACKS:
                raise StorageError(f"{path}: more than {LARGEST_ACKS} bytes; no trainer wrote that: remove it")
            yield from (read_acknowledge(line.text) for line in read_lines(handle) if line.whole)
        finally:
            os.close(handle)

    def bounds(self) -> list[tuple[int, int]]:
        """After and upto of each page that is there, in order."""
        refuse_links(self.root, self.pages)
        names = [found for path in self.pages.glob("*.page") if (found := PAGE.fullmatch(path.name.lower()))]
        return sorted((int(name[1], 16), int(name[2], 16)) for name in names)

    def export(self) -> tuple[str, Export]:
        """Which box's, and what; ProtocolError for what is not one of our shipments."""
        refuse_links(self.root, self.list)
        try:
            found = ExportList.model_validate_json(read_small(self.list, LARGEST_LIST))
        except (ValidationError, RecursionError) as error:
            raise ProtocolError(f"{self.list}: is not the list of a shipment; ship to this folder again") from error
        if len(found.exports) != 1:
            raise ProtocolError(f"{self.list}: names {len(found.exports)} data sets, a folder holds one; ship to it again")
        return found.device, found.exports[0]


def crate_for(folder: Path, device: str, dataset: str) -> Crate:
    return Crate(folder / TOP / f"{device}-{dataset[:16]}")


def crates(folder: Path) -> Iterator[Crate]:
    """Every shipment in a folder: that of a stick, or what lies on it."""
    for top in (folder, folder / TOP):
        if (top / "shipment.json").is_file():
            yield Crate(top)
            return
        if top.name == TOP and top.is_dir():
            yield from (Crate(path) for path in sorted(top.iterdir()) if not path.is_symlink() and (path / "shipment.json").is_file())
            return


def read_acknowledge(text: bytes | None) -> Acknowledge | None:
    """A line of `acks/<receiver>.jsonl`; None: torn, or not one of ours."""
    good = intact(text)
    try:
        return Acknowledge.model_validate_json(good) if good else None
    except (ValidationError, RecursionError):
        return None
