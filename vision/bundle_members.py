"""The members of a bundle, in a folder or an uncompressed zip: only plain files inside it can be reached."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path
from typing import Protocol

from contracts.bundle import MANIFEST
from contracts.errors import BundleError

MAX_BUNDLE_BYTES = 512 << 20
MAX_MANIFEST_BYTES = 256 << 10
MAX_MEMBERS = 256
ENCRYPTED = 0x1


class Members(Protocol):
    def read(self, path: str, limit: int) -> bytes:
        """The whole member. BundleError: it is not there, no plain file, or larger than `limit` bytes."""
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
        where = self._root
        for part in Path(path).parts:
            where /= part
            if where.is_symlink():
                raise BundleError(f"bundle {self._root}: {path} is reached by a symbolic link; put the file itself there")
        try:
            return _read(where, limit)
        except OSError as error:
            raise BundleError(f"bundle {self._root}: {path}: {error.strerror or error}; make or fetch the bundle again") from error
        except ValueError as error:
            raise BundleError(f"bundle {self._root}: {path} {error}; make or fetch the bundle again") from error

    def check_listed(self, paths: set[str]) -> None:
        """Nothing to do: digest and manifest cover what can be read."""


class ZipMembers:
    """Each member stored as it is: a bundle can be read at any offset, and no small file becomes a large one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._infos = self._checked(archive.infolist(), path.stat().st_size)
        except BundleError:
            raise
        except Exception as error:  # zipfile answers a hostile archive with half a dozen kinds of error
            raise self._refusal(f"is not a zip that can be read: {error}") from error

    def read(self, path: str, limit: int) -> bytes:
        info = self._infos.get(path)
        if info is None:
            raise self._refusal(f"{path} is missing")
        if info.file_size > limit:
            raise self._refusal(f"{path} has {info.file_size} bytes, at most {limit} are allowed")
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(info) as member:
                data = member.read(limit + 1)
        except Exception as error:  # as above; also a checksum that does not match
            raise self._refusal(f"{path} cannot be read: {error}") from error
        if len(data) != info.file_size:
            raise self._refusal(f"{path} has {len(data)} bytes, its header says {info.file_size}")
        return data

    def check_listed(self, paths: set[str]) -> None:
        strangers = sorted(set(self._infos) - paths - {MANIFEST})
        if strangers:
            raise self._refusal(f"{strangers[0]!r} is not listed in {MANIFEST}")

    def _checked(self, infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
        if len(infos) > MAX_MEMBERS:
            raise self._refusal(f"has {len(infos)} members, at most {MAX_MEMBERS} are allowed")
        for info in infos:
            flaw = _flaw(info)
            if flaw:
                raise self._refusal(f"member {info.filename!r} {flaw}")
        by_name = {info.filename: info for info in infos}
        if len(by_name) < len(infos):
            raise self._refusal("has the same member twice")
        total = sum(info.file_size for info in infos)
        if total > min(size, MAX_BUNDLE_BYTES):
            raise self._refusal(f"says it holds {total} bytes, the file has {size} and {MAX_BUNDLE_BYTES} are allowed")
        return by_name

    def _refusal(self, what: str) -> BundleError:
        return BundleError(f"bundle {self._path}: {what}; make or fetch the bundle again")


def _flaw(info: zipfile.ZipInfo) -> str:
    """What is wrong with a member's header, or nothing. Its name is safe when the manifest lists it: see Entry.path."""
    mode = info.external_attr >> 16
    if info.is_dir() or (stat.S_IFMT(mode) not in {0, stat.S_IFREG}):
        return "is not a plain file"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "is compressed; a bundle is stored as it is (zip -0)"
    return "is encrypted" if info.flag_bits & ENCRYPTED else ""


def _read(path: Path, limit: int) -> bytes:
    """Not through a last-moment link, and never a device or a pipe that would not end."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("is not a plain file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"has more than {limit} bytes")
    return data
