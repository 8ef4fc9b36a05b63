"""The file a clip grows in: it syncs what it has, and once the disk has refused a write it is never written to again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from contracts.errors import StorageError
from contracts.files import make_folders, storage, sync_folder

PART = ".part"


class ClipFile:
    """Where a muxer writes. A write after a failed one is swallowed: half of a closing must not spoil what is there."""

    def __init__(self, path: Path, reserve_bytes: int = 0) -> None:
        self.path, self._reserve_bytes = path, reserve_bytes
        self.failed: OSError | None = None
        self._dirty = False
        with storage(path):
            make_folders(path.parent)
            self._check_room()
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
            self._closed = False
            try:
                sync_folder(path.parent)
            except OSError:  # it is tried again and again: neither handles nor empty files may pile up
                os.close(self._handle)
                path.unlink(missing_ok=True)
                raise

    def _check_room(self) -> None:
        disk = os.statvfs(self.path.parent)
        if disk.f_bavail * disk.f_frsize < self._reserve_bytes:
            raise OSError(errno.ENOSPC, "less is free than record.reserve_mb keeps for events")

    def write(self, data: bytes, /) -> int:
        rest = memoryview(data)
        while rest and not self.failed:
            try:
                rest = rest[os.write(self._handle, rest) :]
            except OSError as error:
                self.failed = error
                raise
        self._dirty = True
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Back, to change what was written before: what came behind it is on the disk first, for a power cut keeps no order."""
        if whence == os.SEEK_SET and self._dirty and not self.failed and offset < self.tell():
            self._settle()
        return os.lseek(self._handle, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._handle, 0, os.SEEK_CUR)

    def sync(self) -> bool:
        """Everything written is on the disk; True when there was something. StorageError when the disk refuses or is nearly full."""
        if not self._dirty or self.failed:
            return False
        with storage(self.path):
            self._settle()
            self._check_room()
        return True

    def _settle(self) -> None:
        try:
            os.fdatasync(self._handle)
        except OSError as error:
            self.failed = error  # the kernel tells it once; a later sync would say that all is well
            raise
        self._dirty = False

    def give_up(self) -> None:
        """From now on writes are swallowed: what is there stays as it is."""
        self.failed = self.failed or OSError(errno.ECANCELED, "given up")

    def close(self) -> None:
        """Harmless when closed; StorageError when the last bytes could not be kept."""
        if self._closed:
            return
        self._closed = True
        try:
            with storage(self.path):
                os.fsync(self._handle)
        finally:
            os.close(self._handle)

    def refusal(self) -> StorageError | None:
        """What the disk said, if it refused a write: a muxer may have said it in its own words."""
        try:
            with storage(self.path):
                if self.failed:
                    raise self.failed
        except StorageError as error:
            return error
        return None
