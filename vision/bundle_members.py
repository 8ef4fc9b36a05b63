"""The members of a bundle, in a folder or an uncompressed zip: only plain files inside it can be reached."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from contracts.bundle import MANIFEST
from contracts.errors import BundleError
from vision.bundle_reader import Reader
from vision.bundle_zip import MAX_BUNDLE_BYTES, MIB, ZipMembers

__all__ = ["MAX_BUNDLE_BYTES", "MAX_MANIFEST_BYTES", "FolderMembers", "Members", "ZipMembers", "open_members"]
MAX_MANIFEST_BYTES = 256 << 10


class Members(Protocol):
    def read(self, path: str, limit: int) -> bytes:
        """The whole member. BundleError: it is not there, no plain file, or larger than `limit` bytes."""
        ...

    def stream(self, path: str, limit: int) -> Iterator[bytes]:
        """The same by the MiB, for what need not be in memory whole."""
        ...

    def reading(self, path: str) -> AbstractContextManager[Reader]:
        """Any piece of it, unchecked, while the block lasts."""
        ...

    def check_listed(self, paths: set[str]) -> None:
        """BundleError when there is something besides these that would travel along unchecked."""
        ...


def open_members(path: Path) -> Members:
    if path.is_dir():
        return FolderMembers(path)
    if path.is_file():
        return ZipMembers(path)
    raise BundleError(f"bundle {path}: not there; give a folder with a {MANIFEST} or a .vdb file")


class FolderMembers:
    """What a folder holds besides the listed files cannot be reached and does not matter."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str, limit: int) -> bytes:
        return b"".join(self.stream(path, limit))

    def stream(self, path: str, limit: int) -> Iterator[bytes]:
        with self.reading(path) as reader:
            done = 0
            while piece := os.pread(reader.handle, min(MIB, limit + 1 - done), done):
                done += len(piece)
                if done > limit:
                    raise ValueError(f"has more than {limit} bytes")
                yield piece

    @contextmanager
    def reading(self, path: str) -> Iterator[Reader]:
        where = self._root
        for part in Path(path).parts:
            where /= part
            if where.is_symlink():
                raise BundleError(f"bundle {self._root}: {path} is reached by a symbolic link; put the file itself there")
        try:
            with _opened(where) as (handle, size):
                yield Reader(handle, 0, size, f"{self._root}: {path}")
        except OSError as error:
            raise BundleError(f"bundle {self._root}: {path}: {error.strerror or error}; make or fetch the bundle again") from error
        except ValueError as error:
            raise BundleError(f"bundle {self._root}: {path} {error}; make or fetch the bundle again") from error

    def check_listed(self, paths: set[str]) -> None:
        """Nothing to do: digest and manifest cover what can be read."""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """Not through a last-moment link, and never a device or a pipe that would not end."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("is not a plain file")
        yield handle, found.st_size
    finally:
        os.close(handle)
