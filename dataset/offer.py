"""Offer: a data set as others may have it: pages of what is durable in its manifest, and its pictures; beside a writer, without a lock."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from contracts.errors import StorageError
from contracts.files import refuse_links, storage
from contracts.shipment import MOST_LINES, PAGE_BYTES, TAIL, PageHead, ShipmentError
from dataset.layout import Layout, checked, open_regular
from dataset.lines import MAX_LINE, Line, line_at, read_lines

EMPTY = "{}: there is no record in it yet; ask again when there is"
CANNOT_SYNC = {errno.EROFS, errno.EINVAL, errno.ENOTSUP}  # nobody writes there, so nothing waits to be written


@dataclass(frozen=True, slots=True)
class State:
    """Of a manifest, the moment it was looked at."""

    dataset: str | None
    end: int


class Offer:
    """Opens its files anew for each question: safe from several threads, and whatever happened to the folder meanwhile is seen."""

    def __init__(self, root: Path, device: str, name: str) -> None:
        self.layout, self.device, self.name = Layout(root), device, name

    def state(self) -> State:
        """How much can be had now. A folder without a manifest offers nothing."""
        with storage(self.layout.manifest):
            if not self.layout.manifest.exists():
                return State(None, 0)
        with self._manifest() as handle:
            end = self._durable(handle)
            return State(dataset_id(handle) if end else None, end)

    def page(self, after: int, limit: int = MOST_LINES) -> bytes:
        """A page as it is sent; ShipmentError where no line begins at `after`."""
        with self._manifest() as handle:
            end = self._durable(handle)
            if end == 0:
                raise ShipmentError("unknown", EMPTY.format(self.name))
            check_place(handle, after, end)
            body, upto = bytearray(), after
            for line in _whole(handle, after, end):
                if limit == 0 or (body and len(body) + len(line.text or b"") >= PAGE_BYTES):
                    break
                body += line.text + b"\n" if line.text is not None else b""
                upto, limit = line.end, limit - 1
            head = PageHead(
                device=self.device,
                name=self.name,
                dataset=dataset_id(handle),
                after=after,
                upto=upto,
                end=end,
                sha256=sha256(body).hexdigest(),
                before=tail(handle, after),
                behind=tail(handle, upto),
            )
        return head.model_dump_json().encode() + b"\n" + body

    def lines(self, after: int, upto: int) -> Iterator[Line]:
        """Whole lines of a range; `text` is None for those that are not shipped. ShipmentError for a range that is not of lines."""
        with self._manifest() as handle:
            end = self._durable(handle)
            check_place(handle, after, end)
            check_place(handle, upto, end)
            yield from _whole(handle, after, upto)

    def picture(self, image_id: str) -> int | None:
        """A descriptor of its file; None: it is not there (any more)."""
        path = self.layout.image(checked(image_id))
        refuse_links(self.layout.root, path)
        try:
            return open_regular(path)
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    @contextmanager
    def _manifest(self) -> Iterator[int]:
        path = self.layout.manifest
        with storage(path):
            refuse_links(self.layout.root, path)
            if not path.exists():
                raise ShipmentError("unknown", EMPTY.format(self.name))
            handle = open_regular(path)
            try:
                yield handle
            finally:
                os.close(handle)

    def _durable(self, handle: int) -> int:
        """Where the last line ends that will not be taken back: what the writer's index has applied was committed before.

        Without an index all whole lines count. They are synced first: what somebody else has must not be lost here by a power cut.
        """
        with storage(self.layout.manifest):
            end = last_line_end(handle)
            applied = self.applied()
            end = end if applied is None or applied >= end or not _begins_line(handle, applied) else applied
            try:
                os.fsync(handle)
            except OSError as error:
                if error.errno not in CANNOT_SYNC:
                    raise
        return end

    def applied(self) -> int | None:
        """Where the writer's index ends; None: there is none."""
        try:
            place = f"{self.layout.index.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(place, uri=True, timeout=1)) as rows:
                row = rows.execute("SELECT end FROM state").fetchone()
        except sqlite3.Error:
            return None  # there is none, or it is being made
        return int(row[0]) if row else None


def dataset_id(handle: int) -> str:
    return sha256(line_at(handle, 0) + b"\n").hexdigest()


def tail(handle: int, place: int) -> str:
    """Of the bytes before a place: digest by which it is known again."""
    start = max(0, place - TAIL)
    return sha256(os.pread(handle, place - start, start)).hexdigest()


def check_place(handle: int, place: int, end: int) -> None:
    if place > end or not _begins_line(handle, place):
        raise ShipmentError("range", f"byte {place} of the manifest: no line that is offered begins or ends there; begin again from 0")


def _begins_line(handle: int, place: int) -> bool:
    return place == 0 or os.pread(handle, 1, place - 1) == b"\n"


def _whole(handle: int, after: int, upto: int) -> Iterator[Line]:
    for line in read_lines(handle, after):
        if not line.whole or line.end > upto:
            return
        yield line


def last_line_end(handle: int) -> int:
    """Behind the last newline of a file of lines."""
    size = os.fstat(handle).st_size
    step = 4096
    while step < 2 * MAX_LINE:
        start = max(0, size - step)
        cut = os.pread(handle, size - start, start).rfind(b"\n")
        if cut >= 0 or start == 0:
            return start + cut + 1
        step *= 4
    return 0
