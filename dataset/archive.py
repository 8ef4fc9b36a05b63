"""A data set in a zip: unpacked into a temporary folder, and nothing else than that."""

from __future__ import annotations

import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from contracts.errors import ProtocolError, StorageError
from contracts.files import storage
from dataset.bounds import ItemError, check_file

MOST_FILES = 5_000_000
MOST_RATIO = 200  # of unpacked to packed bytes; pictures hardly shrink, text by ten or twenty
LEFT_FREE = 256 << 20  # bytes the disk keeps


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The path itself when it is no zip; else a folder that is gone afterwards (below TMPDIR)."""
    if not (path.is_file() and path.suffix.lower() == ".zip"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="vedette-dataset-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, path, folder)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise ProtocolError(f"{path}: is damaged, locked or no zip ({error}); pack it again") from error
        yield _top(folder)


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    members = [member for member in archive.infolist() if not member.is_dir()]
    size, packed = sum(member.file_size for member in members), path.stat().st_size
    if len(members) > MOST_FILES or size > max(packed * MOST_RATIO, 64 << 20):
        raise ProtocolError(f"{path}: {len(members)} files of {size} bytes in {packed}; that is a bomb, not a data set")
    free = shutil.disk_usage(folder).free
    if size + LEFT_FREE > free:
        raise StorageError(f"{path}: needs {size} bytes in {folder.parent}, which has {free} free; set TMPDIR to a larger disk")
    for member in members:
        _one(archive, member, path, folder)


def _one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, folder: Path) -> None:
    try:
        check_file(member.filename)
    except ItemError as error:
        raise ProtocolError(f"{path}: {error}; the zip is hostile or of another make: pack it again") from error
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ProtocolError(f"{path}: {member.filename[:80]} is a link; pack the files themselves")
    target = folder / member.filename
    with storage(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, target.open("wb") as file:
            left = member.file_size
            while chunk := _piece(source, path):
                left -= len(chunk)
                if left < 0:
                    raise ProtocolError(f"{path}: {member.filename[:80]} is larger than the zip says; pack it again")
                file.write(chunk)


def _piece(source: IO[bytes], path: Path) -> bytes:
    """bz2 says OSError of bytes that are none of its own; the disk is not at fault."""
    try:
        return source.read(1 << 20)
    except OSError as error:
        if error.errno is None:
            raise ProtocolError(f"{path}: is damaged ({error}); pack it again") from error
        raise


def _top(folder: Path) -> Path:
    """Zips often hold one folder with everything in it."""
    inside = list(folder.iterdir())
    alone = len(inside) == 1 and inside[0].is_dir() and inside[0].name not in {"annotations", "Annotations", "images"}
    return inside[0] if alone else folder
