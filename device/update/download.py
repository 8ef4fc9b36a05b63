"""Download: a released file piece by piece, each checked against the signed list; it goes on where it was cut, for ever."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from contracts.files import make_folders, rename_durably, storage, sync_folder
from contracts.update import Model, Release
from device.pipeline.tally import Tally
from device.update.refusal import Refusal
from device.update.roads import Road, hashed_name
from device.update.slots import Piece

PART, DONE = ".part", ".vdb"
MOST_BAD = 3  # pieces that are not what was signed, of one attempt
Progress = Callable[[int, int], None]  # bytes that are here, bytes that came over a road


class Download:
    """Of one file. What is complete lies at its place in `.part`; the piece that is under way lies beside it, byte by byte."""

    def __init__(self, folder: Path, model: Model, release: Release, tally: Tally) -> None:
        self._folder, self._model, self._chunks, self._tally = folder, model, release.chunks, tally
        self._offsets = [0]
        for chunk in release.chunks:
            self._offsets.append(self._offsets[-1] + chunk.size)
        self._part = folder / f"{model.sha256}{PART}"
        self._have: set[int] = set()
        self.fetched = 0

    @property
    def path(self) -> Path:
        return self._folder / f"{self._model.sha256}{DONE}"

    @property
    def here(self) -> int:
        return sum(self._chunks[number].size for number in self._have)

    def prepare(self, pieces: Callable[[], Mapping[str, Piece]]) -> None:
        """What is here already is found: of an attempt before, and in the bundles of this box, which are read where something lacks."""
        if self._whole(self.path):
            self._have = set(range(len(self._chunks)))
            return
        with storage(self._part):
            make_folders(self._folder)
            handle = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
            try:
                os.ftruncate(handle, self._model.length)
                self._look(handle)
                if self._missing() is not None:
                    self._reuse(handle, pieces())
            finally:
                os.close(handle)

    def _look(self, handle: int) -> None:
        for number, chunk in enumerate(self._chunks):
            if self._good(number, os.pread(handle, chunk.size, self._offsets[number])):
                self._have.add(number)

    def _reuse(self, handle: int, pieces: Mapping[str, Piece]) -> None:
        for number, chunk in enumerate(self._chunks):
            if number in self._have or not self._good(number, data := _read(pieces.get(chunk.sha256))):
                continue
            _put(handle, data, self._offsets[number])
            self._tally.count("", "update", "reused_bytes", chunk.size)
            self._have.add(number)

    def fetch(self, road: Road, told: Progress) -> Path:
        """Refusal E_FETCH when the road breaks off: call again, with this road or another. E_MIX: the whole is not what was released."""
        bad = 0
        while (number := self._missing()) is not None:
            bad += self._run(road, number, told)
            if bad >= MOST_BAD:
                raise Refusal("E_FETCH", f"{self._model.target}: {bad} pieces from {road.name} are not what was signed; mend the server")
        return self._finished()

    def _run(self, road: Road, first: int, told: Progress) -> int:
        """Pieces one after another in one request, to the next that is here; 1 when one of them was bad, which ends it."""
        last = first
        while last + 1 < len(self._chunks) and last + 1 not in self._have:
            last += 1
        number, kept = first, self._kept(first)
        begin = self._offsets[first] + len(kept)
        if begin < self._offsets[last + 1]:
            for arrived in road.stream(hashed_name(self._model.target, self._model.sha256), begin, self._offsets[last + 1]):
                self.fetched += len(arrived)
                data = arrived
                while data:
                    room = self._chunks[number].size - len(kept)
                    taken, data = data[:room], data[room:]
                    kept = self._keep(number, kept, taken)
                    told(self.here + len(kept), self.fetched)
                    if len(kept) == self._chunks[number].size:
                        if not self._complete(number, kept):
                            return 1
                        number, kept = number + 1, b""
        elif not self._complete(number, kept):  # it was whole when the box was stopped
            return 1
        return 0

    def _keep(self, number: int, kept: bytes, taken: bytes) -> bytes:
        with storage(self._part), self._piece(number).open("ab") as file:
            file.write(taken)
        return kept + taken

    def _complete(self, number: int, data: bytes) -> bool:
        """To its place when it is what was signed; away with it when it is not."""
        good = self._good(number, data)
        with storage(self._part):
            if good:
                handle = os.open(self._part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    _put(handle, data, self._offsets[number])
                finally:
                    os.close(handle)
                self._have.add(number)
            self._piece(number).unlink(missing_ok=True)
        if not good:
            self._tally.count("", "update", "bad_piece")
        return good

    def _finished(self) -> Path:
        if self._whole(self.path):
            return self.path
        with storage(self._part):
            handle = os.open(self._part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        if not self._whole(self._part):
            self.forget()
            raise Refusal("E_MIX", f"{self._model.target}: its pieces are what was signed, the whole is not; release it again")
        rename_durably(self._part, self.path)
        return self.path

    def forget(self) -> None:
        """Everything of it goes."""
        with storage(self._folder):
            for path in self._folder.glob(f"{self._model.sha256}*"):
                path.unlink(missing_ok=True)
            if self._folder.is_dir():
                sync_folder(self._folder)
        self._have.clear()

    def _missing(self) -> int | None:
        return next((number for number in range(len(self._chunks)) if number not in self._have), None)

    def _piece(self, number: int) -> Path:
        return self._folder / f"{self._model.sha256}.{number}.piece"

    def _kept(self, number: int) -> bytes:
        """Of a piece that broke off; one that is too long is nobody's."""
        piece = self._piece(number)
        with storage(piece), suppress(FileNotFoundError):
            if not piece.is_symlink() and len(data := piece.read_bytes()) <= self._chunks[number].size:
                return data
            piece.unlink()
        return b""

    def _good(self, number: int, data: bytes) -> bool:
        chunk = self._chunks[number]
        return len(data) == chunk.size and hashlib.sha256(data).hexdigest() == chunk.sha256

    def _whole(self, path: Path) -> bool:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while data := file.read(1 << 20):
                    digest.update(data)
        except OSError:
            return False
        return digest.hexdigest() == self._model.sha256


def sweep(folder: Path, keep: str | None) -> None:
    """What an assignment before left behind; `keep` is the SHA-256 of the file that is still wanted."""
    for path in folder.glob("*"):
        if keep is None or not path.name.startswith(keep):
            with suppress(OSError):
                path.unlink()


def _put(handle: int, data: bytes, offset: int) -> None:
    """All of it: a disk that gets full takes a part, and says so only when it is asked for more."""
    done = 0
    while done < len(data):
        done += os.pwrite(handle, memoryview(data)[done:], offset + done)


def _read(piece: Piece | None) -> bytes:
    if piece is None:
        return b""
    try:
        with piece.path.open("rb") as file:
            file.seek(piece.offset)
            return file.read(piece.size)
    except OSError:
        return b""
