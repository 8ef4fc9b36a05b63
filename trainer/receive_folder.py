"""FolderBox: shipments out of a folder, most of all a stick; what is acknowledged is written beside them, for the box to read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from contracts.dataset import Record
from contracts.errors import ConfigError, HardwareError, ProtocolError, StorageError
from contracts.files import make_folders, refuse_links, storage, sync_folder
from contracts.shipment import Acknowledge, ExportList, Received
from dataset.crate import Crate, crates, read_acknowledge
from dataset.layout import open_regular, read_small
from dataset.lines import sealed
from dataset.opening import appending
from trainer.receive_page import LARGEST_PAGE

CHUNK = 1 << 20


class FolderBox:
    """One shipment. A page is there only when all its pictures are, unless somebody took them away."""

    def __init__(self, crate: Crate) -> None:
        self.where, self.tries = str(crate.root), 1  # a stick does not come back while nobody looks
        self._crate = crate
        self._device, self._export = crate.export()

    def exports(self) -> ExportList:
        """As far as the pages go that are there; where this folder has been fetched to is in its own acknowledgements."""
        bounds = self._crate.bounds()
        told = self._export.model_copy(update={"end": bounds[-1][1] if bounds else 0, "positions": {}})
        return ExportList(device=self._device, exports=[told])

    def start(self, name: str, known: Received, acknowledged: int) -> int:
        """The first page that is new here, or was never acknowledged. Those before the first that is there went another way."""
        told = self._acknowledged()
        for after, upto in self._crate.bounds():
            if upto > known.upto or (after, upto) not in told:
                return after
        return max([known.upto, *(upto for _, upto in self._crate.bounds())])

    def following(self, name: str, place: int) -> int:
        """There may be pages that went another way, and are not in this folder."""
        return next((after for after, upto in self._crate.bounds() if upto > place), place)

    def page(self, name: str, after: int) -> bytes:
        upto = next((upto for first, upto in self._crate.bounds() if first == after), None)
        if upto is None:
            raise ProtocolError(f"{self.where}: there is no page that begins at {after}; ship to this folder again")
        with storage(self._crate.root):
            refuse_links(self._crate.root, self._crate.page(after, upto))
        return self._read(self._crate.page(after, upto))

    def _read(self, path: Path) -> bytes:
        """HardwareError where the stick is gone: it may come back."""
        try:
            return read_small(path, LARGEST_PAGE)
        except StorageError as error:
            raise HardwareError(f"{error} (is the stick still plugged in?)") from error

    def picture(self, name: str, record: Record, part: Path, tick: Callable[[int], None]) -> bool:
        path = self._crate.object(record.image_id)
        have = part.stat().st_size if part.exists() else 0
        have = have if have <= record.bytes else 0
        try:
            refuse_links(self._crate.root, path)
            handle = open_regular(path)
        except StorageError as error:
            raise HardwareError(f"{path}: cannot be read; plug the stick in, or ship to it again") from error
        with os.fdopen(handle, "rb") as source, storage(part), part.open("r+b" if have else "wb") as file:
            file.truncate(have)
            file.seek(have)
            for at in range(have, record.bytes, CHUNK):
                data = _pread(source.fileno(), min(CHUNK, record.bytes - at), at, path)
                file.write(data)
                tick(len(data))
        return True

    def acknowledge(self, name: str, said: Acknowledge) -> None:
        """Into the folder. On one that cannot be written to the box is told nothing, and keeps what it has."""
        path = self._crate.ack(said.receiver)
        try:
            with storage(path):
                make_folders(path.parent)
                refuse_links(self._crate.root, path)
            if (said.after, said.upto) not in self._acknowledged():
                with appending(path, read_acknowledge) as log:
                    log.append(sealed(said))
                sync_folder(path.parent)
        except StorageError as error:
            raise HardwareError(f"{error}; the folder must be writable, so that the box learns what it may let go of") from error

    def _acknowledged(self) -> set[tuple[int, int]]:
        """Pages of this data set that somebody has acknowledged in this folder."""
        found = set()
        for path in sorted(self._crate.acks.glob("*.jsonl")):
            said = self._crate.acknowledged(path)
            found |= {(each.after, each.upto) for each in said if each and each.dataset == self._export.dataset}
        return found

    def close(self) -> None:
        return None


def _pread(handle: int, count: int, at: int, path: Path) -> bytes:
    try:
        data = os.pread(handle, count, at)
    except OSError as error:
        raise HardwareError(f"{path}: {error.strerror}; plug the stick in again, or ship to it again") from error
    if len(data) < count:
        raise ProtocolError(f"{path}: is shorter than its record says; ship to this folder again")
    return data


def folder_boxes(folder: Path) -> list[FolderBox]:
    """ConfigError for a folder without a shipment."""
    found = [FolderBox(crate) for crate in crates(folder)]
    if not found:
        raise ConfigError(f"{folder}: there is no shipment in it; write one on the box with `vedette ship --to FOLDER`")
    return found
