"""Ballast: room held back in a file, given up first when the disk is full, so that journal, index and manifests can act."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from device.keep.room import Marks, Room

FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Ballast:
    """`trim` once a look; OSError when the disk refuses, and then nothing is left half done."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path, self._size_bytes = path, size_bytes
        self.bytes = 0
        with suppress(OSError):
            there = path.lstat()
            self.bytes = max(1, min(there.st_blocks * 512, there.st_size))  # half of one, or a link of that name, is not right: made anew

    def trim(self, room: Room, marks: Marks) -> None:
        """Given up with less free than half of it, taken when there is room for it above the high mark."""
        if self.bytes and (room.free_bytes < self._size_bytes // 2 or self._gone(room) or self.bytes != self._size_bytes):
            self._give_up()
        elif not self.bytes and self._size_bytes and room.free_bytes >= marks.high + self._size_bytes:
            self._take()

    def _gone(self, room: Room) -> bool:
        """No more files can be made: it is one."""
        return room.total_inodes > 0 and room.free_inodes == 0

    def _give_up(self) -> None:
        with suppress(FileNotFoundError):
            self._path.unlink()
        self.bytes = 0

    def _take(self) -> None:
        handle = os.open(self._path, FLAGS, 0o600)
        try:
            os.posix_fallocate(handle, 0, self._size_bytes)
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                self._path.unlink()
            raise
        finally:
            os.close(handle)
        self.bytes = self._size_bytes
