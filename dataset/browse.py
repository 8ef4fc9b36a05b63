"""Browse: a data set looked at a page at a time, beside its writer and without a lock; by what is said of its pictures, if asked."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contracts.dataset import AnnotationFile, Record
from contracts.errors import StorageError
from contracts.files import refuse_links
from dataset.facets import KINDS, Choice, Facets, Facts, Kind
from dataset.layout import Layout, checked, open_regular
from dataset.lines import line_at
from dataset.merge import merged
from dataset.offer import dataset_id
from dataset.records import read_record, since_removal
from dataset.refresh import document

STEP = 100  # lines of the manifest that are looked at in one step
JUDGED = 100  # observations of a picture, the newest, by which it is listed
SHOWN = 50  # and that are shown on its own page
NEAR = 24  # near-duplicates that are shown


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture with all that is said of it; `number` counts pictures as they came."""

    number: int
    bytes: int
    about: AnnotationFile


@dataclass(frozen=True, slots=True)
class Page:
    pictures: list[Seen]
    older: int | None = None  # `before` of the next page; None: that was all


@dataclass(frozen=True, slots=True)
class Overview:
    """`read` of `lines` of the manifest are in the figures; the others will be."""

    pictures: int
    read: int
    lines: int
    choices: dict[Kind, list[Choice]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """What is there while it is being asked: the writer's index, read only, and the manifest."""

    rows: sqlite3.Connection
    manifest: int

    def records(self, number: int, newest: int) -> list[Record]:
        """What was said of a picture since it came (again), oldest first."""
        query = "SELECT start FROM records WHERE image = ? ORDER BY seq DESC LIMIT ?"
        starts = [start for (start,) in self.rows.execute(query, (number, newest))][::-1]
        return since_removal([record for start in starts if (record := read_record(line_at(self.manifest, start)))])

    def seen(self, number: int, size: int, newest: int = SHOWN) -> Seen | None:
        """None: its lines cannot be read any more."""
        records = self.records(number, newest)
        count = self.rows.execute("SELECT count(*) FROM records WHERE image = ?", (number,)).fetchone()[0]
        return Seen(number, size, document(records, count)) if records else None


class Browse:
    """`place`: where the facets are kept; None of it is the truth. `page` and `picture` do without them where nothing is filtered."""

    def __init__(self, root: Path, place: Path) -> None:
        self.layout, self._place = Layout(root), place
        self._kept: Facets | None = None
        self._turn, self._opening = threading.Lock(), threading.Lock()  # of `step`; of the facets

    def exists(self) -> bool:
        return self.layout.manifest.exists() and self.layout.index.exists()

    def _facets(self) -> Facets:
        with self._opening:
            if self._kept is None:
                self._kept = Facets(self._place)
            return self._kept

    @contextmanager
    def _opened(self) -> Iterator[Opened]:
        for path in (self.layout.manifest, self.layout.index):
            refuse_links(self.layout.root, path)
        manifest = open_regular(self.layout.manifest)
        try:
            place = f"{self.layout.index.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(place, uri=True, timeout=2, check_same_thread=False)) as rows:
                yield Opened(rows, manifest)
        except sqlite3.Error as error:
            raise StorageError(f"{self.layout.index}: {error}; the box makes it again when it writes next") from error
        finally:
            os.close(manifest)

    # ---- looking

    def page(self, which: Mapping[Kind, str], before: int | None = None, limit: int = 48) -> Page:
        """Newest first."""
        if not self.exists():
            return Page([])
        with self._opened() as there:
            if which:
                numbers = self._facets().choose(which, before, limit + 1)
                rows = [_row(there, n) for n in numbers]
            else:
                query = "SELECT n, bytes FROM images WHERE removed = 0 AND n < ? ORDER BY n DESC LIMIT ?"
                rows = there.rows.execute(query, (1 << 62 if before is None else before, limit + 1)).fetchall()
            found = [seen for row in rows[:limit] if row and (seen := there.seen(row[0], row[1], newest=8))]
            last = rows[limit - 1] if len(rows) > limit else None
            older = None if len(rows) <= limit else (last[0] if last else numbers[limit - 1])
        return Page(found, older)

    def picture(self, image_id: str) -> Seen | None:
        if not self.exists():
            return None
        with self._opened() as there:
            query = "SELECT n, bytes FROM images WHERE id = ? AND removed = 0"
            row = there.rows.execute(query, (bytes.fromhex(checked(image_id)),)).fetchone()
            return there.seen(row[0], row[1]) if row else None

    def beside(self, number: int) -> tuple[str | None, str | None]:
        """The pictures that came before and after this one."""
        with self._opened() as there:
            older = "SELECT id FROM images WHERE removed = 0 AND n < ? ORDER BY n DESC LIMIT 1"
            newer = "SELECT id FROM images WHERE removed = 0 AND n > ? ORDER BY n LIMIT 1"
            found = [there.rows.execute(query, (number,)).fetchone() for query in (older, newer)]
        before, after = (row[0].hex() if row else None for row in found)
        return before, after

    def near(self, image_id: str) -> list[str]:
        """Later pictures that look nearly like this one, as far as they are listed yet."""
        numbers = self._facets().near(bytes.fromhex(checked(image_id)), NEAR)
        with self._opened() as there:
            rows = [there.rows.execute("SELECT id FROM images WHERE n = ? AND removed = 0", (n,)).fetchone() for n in numbers]
        return [row[0].hex() for row in rows if row]

    def overview(self) -> Overview:
        if not self.exists():
            return Overview(0, 0, 0)
        facets = self._facets()
        with self._opened() as there:
            lines = _lines(there)
        return Overview(facets.pictures, min(facets.seq, lines), lines, {kind: facets.choices(kind) for kind in KINDS})

    # ---- keeping up

    def step(self, most: int = STEP) -> int:
        """List what the manifest has more; how many of its lines. 0: nothing is left."""
        if not self.exists():
            return 0
        with self._turn, self._opened() as there:
            facets, dataset = self._facets(), dataset_id(there.manifest)
            if facets.dataset != dataset or facets.seq > _lines(there):
                facets.begin(dataset)
            query = "SELECT seq, image FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
            rows = there.rows.execute(query, (facets.seq, most)).fetchall()
            if rows:
                facets.put([(n, _facts(there, n)) for n in dict.fromkeys(image for _, image in rows)], rows[-1][0])
            elif facets.seq < _lines(there):  # the last ones say nothing of a picture
                facets.put([], _lines(there))
            return len(rows)

    def close(self) -> None:
        """What asks afterwards opens it again."""
        with self._turn, self._opening:
            if self._kept is not None:
                self._kept.close()
                self._kept = None


def _lines(there: Opened) -> int:
    row = there.rows.execute("SELECT lines FROM state").fetchone()
    return int(row[0]) if row else 0


def _row(there: Opened, number: int) -> tuple[int, int] | None:
    found = there.rows.execute("SELECT n, bytes FROM images WHERE n = ? AND removed = 0", (number,)).fetchone()
    return (int(found[0]), int(found[1])) if found else None


def _facts(there: Opened, number: int) -> Facts | None:
    """None: it is not in the data set (any more)."""
    records = there.records(number, JUDGED) if _row(there, number) else []
    if not records:
        return None
    now, first = merged(records), records[0]
    boxes = Counter(each.category_name for each in now.annotations)
    under: dict[tuple[Kind, str], int] = {("class", name): count for name, count in boxes.items()}
    under |= {("source", each.source): 0 for each in now.annotations}
    verified = now.reviewed or any(each.verified for each in now.annotations)
    under["verified", "yes" if verified else "no"] = 0
    under |= {("camera", record.source): 0 for record in records} | {("reason", record.reason): 0 for record in records}
    under["day", f"{first.timestamp:%Y-%m-%d}"] = 0
    near = first.near_duplicate_of
    under["near", "yes" if near else "no"] = 0
    return Facts(under, bytes.fromhex(near) if near else None)
