"""Usb: the road from a folder, a stick or a share: the repository as it is served, and beside it what is assigned."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import ProtocolError
from contracts.files import inside
from contracts.update import MAX_SIGNED_BYTES
from device.update.refusal import Refusal
from device.update.roads import Missing

PIECE = 1 << 20


class Usb:
    """Nothing outside of the folder is reached, by no name and no link; a device or a pipe is no file."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def metadata(self, name: str, limit: int) -> bytes:
        with self._open(f"metadata/{name}") as handle:
            data = _read(handle, limit + 1)
        if len(data) > limit:
            raise Refusal("E_SIZE", f"{self.folder}: metadata/{name} has more than {limit} bytes; copy the repository again")
        return data

    def stream(self, target: str, begin: int, end: int) -> Iterator[bytes]:
        try:
            with self._open(f"targets/{target}") as handle:
                while begin < end:
                    piece = os.pread(handle, min(PIECE, end - begin), begin)
                    if not piece:
                        raise Refusal("E_FETCH", f"{self.folder}: targets/{target} ends at byte {begin}; copy it again")
                    begin += len(piece)
                    yield piece
        except Missing as error:
            raise Refusal("E_FETCH", f"{self.folder}: has no {error}; copy the whole repository") from error

    def desired(self, device: str) -> bytes | None:
        """The signed assignment that lies there for this box, where there is no broker."""
        try:
            with self._open(f"desired/{device}.json") as handle:
                return _read(handle, MAX_SIGNED_BYTES + 1)
        except (Missing, Refusal):
            return None

    @contextmanager
    def _open(self, name: str) -> Iterator[int]:
        try:
            path = inside(self.folder, name)
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, ProtocolError) as error:
            raise Missing(name) from error
        except OSError as error:
            raise Refusal("E_FETCH", f"{self.folder}: {name}: {error.strerror or error}; try another stick") from error
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Missing(name)
            yield handle
        except OSError as error:
            raise Refusal("E_FETCH", f"{self.folder}: {name}: {error.strerror or error}; try another stick") from error
        finally:
            os.close(handle)


def _read(handle: int, most: int) -> bytes:
    pieces, done = [], 0
    while done < most and (piece := os.read(handle, most - done)):
        pieces.append(piece)
        done += len(piece)
    return b"".join(pieces)
