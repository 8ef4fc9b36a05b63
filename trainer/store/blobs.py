"""Blobs: pictures by the SHA-256 of their files, in a folder by default, or wherever fsspec reaches (an S3 bucket)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from contracts.errors import ConfigError, ProtocolError, StorageError, VedetteError
from contracts.files import make_folders, storage, sync_folder

CHUNK = 1 << 20
DIGITS = frozenset("0123456789abcdef")


class Blobs(Protocol):
    """What `put` returned from is durable, and is there whole or not at all."""

    def put(self, path: Path) -> str:
        """The digest of the file, which is kept under it; one that is there already costs the reading."""

    def open(self, digest: str) -> BinaryIO:
        """StorageError for one that is not there."""

    def has(self, digest: str) -> bool: ...

    def remove(self, digest: str) -> None: ...


class DiskBlobs:
    """`ab/abcd...`: 256 folders, so that a million pictures are a few thousand in each."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with storage(root):
            make_folders(root)

    def put(self, path: Path) -> str:
        digest = digest_of(path)
        target = self._path(digest)
        if target.exists():
            return digest
        with storage(target):
            make_folders(target.parent)
            temp = target.with_name(f".{digest}.{os.getpid()}.tmp")
            temp.unlink(missing_ok=True)
            try:
                if _copied(path, temp) != digest:
                    raise ProtocolError(f"{path}: was changed while it was read; try again")
                temp.replace(target)
            except BaseException:
                with suppress(OSError):
                    temp.unlink()
                raise
            sync_folder(target.parent)
        return digest

    def open(self, digest: str) -> BinaryIO:
        with storage(self._path(digest)):
            return self._path(digest).open("rb")

    def has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def remove(self, digest: str) -> None:
        with storage(self._path(digest)):
            self._path(digest).unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._root / checked(digest)[:2] / digest


class FsspecBlobs:
    """`url` is one of fsspec's: s3://bucket/folder, memory://x, file:///folder. An object store shows an object when it is whole."""

    def __init__(self, url: str, **options: Any) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise ConfigError(f"blobs {url}: fsspec is missing; install vedette[trainer]") from error
        try:
            self._files, self._root = url_to_fs(url, **options)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"blobs {url}: {error}; for S3 install vedette[s3]") from error
        self._url = url

    def put(self, path: Path) -> str:
        digest = digest_of(path)
        if self.has(digest):
            return digest
        target = self._path(digest)
        with self._refusing():
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(path), f"{target}.tmp" if self._renames else target)
            if self._renames:  # a file system shows a file while it grows
                self._files.mv(f"{target}.tmp", target)
            if self._files.size(target) != path.stat().st_size:
                raise StorageError(f"blobs {self._url}: {digest} arrived with another size; try again")
        return digest

    @property
    def _renames(self) -> bool:
        protocol = self._files.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def open(self, digest: str) -> BinaryIO:
        with self._refusing():
            opened: BinaryIO = self._files.open(self._path(digest), "rb")
            return opened

    def has(self, digest: str) -> bool:
        with self._refusing():
            return bool(self._files.exists(self._path(digest)))

    def remove(self, digest: str) -> None:
        with self._refusing(), suppress(FileNotFoundError):
            self._files.rm_file(self._path(digest))

    def _path(self, digest: str) -> str:
        return f"{self._root}/{checked(digest)[:2]}/{digest}"

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except VedetteError:
            raise
        except FileNotFoundError as error:
            raise StorageError(f"blobs {self._url}: {error}: is not there") from error
        except Exception as error:  # a seam: each file system of fsspec has errors of its own
            raise StorageError(f"blobs {self._url}: {type(error).__name__}: {error}; see that it runs and lets this user in") from error


def open_blobs(where: str) -> Blobs:
    """A folder, or an address with `://`."""
    return FsspecBlobs(where) if "://" in where else DiskBlobs(Path(where))


def checked(digest: str) -> str:
    if len(digest) != 64 or not DIGITS.issuperset(digest):
        raise ProtocolError(f"blob {digest[:80]!r}: is not 64 hex digits")
    return digest


def digest_of(path: Path) -> str:
    digest = sha256()
    with storage(path), path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _copied(source: Path, target: Path) -> str:
    """The digest of what was written and synced."""
    digest = sha256()
    with source.open("rb") as file, target.open("xb") as out:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
