"""Naming: which recording gets which document; it keeps the one it has, and nobody else's is written over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from contracts.batchlog import read_document
from contracts.errors import StorageError, VedetteError
from contracts.files import file_name
from device.batch.directory import INDEX, SUMMARY
from device.batch.earlier import EARLIER
from device.capture.file import FileSource
from device.clock import Clock

LONGEST = 200  # bytes; a file system takes 255 with what is put around a name


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a name is: a recording's, or (None) of something that is none of ours."""

    video: str | None = None
    digest: str | None = None


def named(wanted: Mapping[Path, str], out: Path, clock: Clock) -> dict[Path, str]:
    """Also when others of the same name came since, or a recording was moved."""
    owner = cache(lambda name: owner_of(out, name))
    found: dict[Path, str] = {}
    for path, name in wanted.items():
        with suppress(VedetteError):  # one that cannot be read is told so when it is opened
            mine = next((known for known in _taken(path, name, owner) if _is_of(owner(known), path, clock)), None)
            if mine is not None and mine not in found.values():
                found[path] = mine
    for path, name in wanted.items():
        if path not in found:
            found[path] = next(free for free in _numbered(name) if owner(free) is None and free not in found.values())
    return {path: found[path] for path in wanted}


def owner_of(out: Path, name: str) -> Owner | None:
    """None: it is free."""
    document, folder = out / f"{name}.json", out / name
    if document.name in {INDEX, SUMMARY} or name == EARLIER or folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return Owner()
    if not document.is_symlink() and not document.exists():
        return None
    try:
        known = read_document(document).metadata
    except StorageError:
        return Owner()
    return Owner(known.video_path, known.source_digest)


def _taken(path: Path, name: str, owner: Callable[[str], Owner | None]) -> Iterator[str]:
    """Names under which this recording may be there already."""
    for plain in dict.fromkeys((harmless(path.stem), harmless(path.name), name)):
        for known in _numbered(plain):
            if owner(known) is None:
                break
            yield known


def _is_of(owner: Owner | None, path: Path, clock: Clock) -> bool:
    """Its path tells, else its content: that costs a reading, but only where names meet."""
    if owner is None or owner.video is None:
        return False
    if Path(owner.video).resolve() == path.resolve():
        return True
    return owner.digest == f"sha256:{FileSource('', FileSource.Options(path=path), clock).identity}"


def harmless(name: str) -> str:
    """As it is where that is safe: `...mkv` without its ending would be the folder above the output."""
    plain = name.isprintable() and not name.startswith(".") and len(name.encode()) <= LONGEST
    return name if plain else file_name(name)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))
