"""Packing: a data set into a folder, most of all a stick: what nobody has acknowledged yet, whole page after whole page, read back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from contracts.dataset import Record
from contracts.errors import StorageError
from contracts.files import refuse_links, storage, write_durably
from contracts.shipment import Export, ExportList, PageHead, ShipmentError
from dataset.crate import crate_for
from dataset.layout import open_regular
from dataset.offer import Offer
from dataset.receipts import Receipts
from dataset.records import REMOVED, read_record

EACH = 200  # lines of a page: a stick that is full has whole pages
CHUNK = 1 << 20
LARGEST_PAGE = 16 << 20


@dataclass
class Packed:
    pages: int = 0
    records: int = 0
    pictures: int = 0
    bytes: int = 0
    there: int = 0  # pages that were in the folder already
    acknowledged: int = 0  # pages that a trainer has, as was read in the folder
    refused: int = 0  # acknowledgements that are of something else
    gone: int = 0  # pictures that were removed here


class Packing:
    """Begun again it goes on: a page in the folder is whole. `StorageError` of a full stick: what is on it is good."""

    def __init__(self, offer: Offer, folder: Path, report: Packed) -> None:
        self._offer, self.report = offer, report
        self._state = offer.state()
        if self._state.dataset is None:
            raise ShipmentError("unknown", f"{offer.layout.root}: there is no record in it yet; nothing to ship")
        self.crate = crate_for(folder, offer.device, self._state.dataset)
        refuse_links(folder, self.crate.root)
        self._folder, self._medium = folder, folder.stat().st_dev

    def collect(self, at: datetime) -> None:
        """What a trainer left in the folder: only what is of this box, this data set and these very lines counts."""
        receipts = Receipts(self._offer)
        with storage(self.crate.acks):
            found = sorted(self.crate.acks.glob("*.jsonl")) if self.crate.acks.is_dir() else []
        for path in found:
            for said in self.crate.acknowledged(path):
                try:
                    if said is None:
                        raise ShipmentError("range", f"{path}: a line that is torn, or none of ours")
                    receipts.take(said, at)
                    self.report.acknowledged += 1
                except ShipmentError:
                    self.report.refused += 1

    def pack(self, everything: bool, progress: Callable[[int, int], None]) -> None:
        """Behind what some trainer has acknowledged; `everything`: from the beginning."""
        positions = Receipts(self._offer).positions()
        at = 0 if everything else max(positions.values(), default=0)
        self._list()
        while at < self._state.end:
            at = self._page(at)
            progress(at, self._state.end)

    def _list(self) -> None:
        export = Export(name=self._offer.name, dataset=self._state.dataset, end=self._state.end)
        data = ExportList(device=self._offer.device, exports=[export]).model_dump_json().encode()
        self._put(self.crate.list, data)

    def _page(self, at: int) -> int:
        """One page and its pictures, the page last; where it ends. A shorter one of before that is there already is taken as it is."""
        if (upto := self._there(at)) is not None:
            self.report.there += 1
            return upto
        data = self._offer.page(at, EACH)
        first, _, body = data.partition(b"\n")
        head = PageHead.model_validate_json(first)
        records = [record for line in body.split(b"\n")[:-1] if (record := read_record(line)) and record.action_type != REMOVED]
        for image_id in dict.fromkeys(record.image_id for record in records):
            self._picture(next(record for record in records if record.image_id == image_id))
        self._put(self.crate.page(head.after, head.upto), data)
        self.report.pages += 1
        self.report.records += len(records)
        return head.upto

    def _there(self, at: int) -> int | None:
        """Where a page of the folder ends that begins here and is what the data set says."""
        for after, upto in self.crate.bounds():
            if after == at and upto <= self._state.end and self._good(after, upto):
                return upto
        return None

    def _good(self, after: int, upto: int) -> bool:
        try:
            with storage(self.crate.page(after, upto)), os.fdopen(open_regular(self.crate.page(after, upto)), "rb") as file:
                first, _, body = file.read(LARGEST_PAGE).partition(b"\n")
            head = PageHead.model_validate_json(first)
        except (StorageError, ValidationError):
            return False
        mine = self._offer.page(after, EACH).partition(b"\n")[2]
        same = (head.dataset, head.after, head.upto) == (self._state.dataset, after, upto) and sha256(body).hexdigest() == head.sha256
        return same and mine.startswith(body)

    def _picture(self, record: Record) -> None:
        handle = self._offer.picture(record.image_id)
        if handle is None:
            self.report.gone += 1
            return
        with os.fdopen(handle, "rb") as source:
            data = source.read()
        path = self.crate.object(record.image_id)
        with storage(path):
            if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
                return
        self._put(path, data)
        self.report.pictures += 1
        self.report.bytes += len(data)

    def _put(self, path: Path, data: bytes) -> None:
        """Not into the empty folder that is left where a stick was."""
        with storage(self._folder):
            if self._folder.stat().st_dev != self._medium:
                raise StorageError(f"{self._folder}: the stick was pulled out; plug it in again and ship again, it goes on")
        put(self.crate.root, path, data)


def put(root: Path, path: Path, data: bytes) -> None:
    """Onto a stick, and sure to be there."""
    refuse_links(root, path)
    write_durably(path, data, read_back=True)
