"""The members of a bundle, in a folder or an uncompressed zip: only plain files inside it can be reached."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from contracts.bundle import MANIFEST
from contracts.errors import BundleError
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
        where = self._root
        for part in Path(path).parts:
            where /= part
            if where.is_symlink():
                raise BundleError(f"bundle {self._root}: {path} is reached by a symbolic link; put the file itself there")
        try:
            yield from _pieces(where, limit)
        except OSError as error:
            raise BundleError(f"bundle {self._root}: {path}: {error.strerror or error}; make or fetch the bundle again") from error
        except ValueError as error:
            raise BundleError(f"bundle {self._root}: {path} {error}; make or fetch the bundle again") from error

    def check_listed(self, paths: set[str]) -> None:
        """Nothing to do: digest and manifest cover what can be read."""


def _pieces(path: Path, limit: int) -> Iterator[bytes]:
    """Not through a last-moment link, and never a device or a pipe that would not end."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("is not a plain file")
        done = 0
        while piece := file.read(min(MIB, limit + 1 - done)):
            done += len(piece)
            if done > limit:
                raise ValueError(f"has more than {limit} bytes")
            yield piece
