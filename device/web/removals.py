"""Removals: `log/removals.jsonl` read backwards a page at a time, whatever is in it, and however large it is."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.files import refuse_links
from contracts.removal import Removal

FOLDER, NAME, OLDER = "log", "removals.jsonl", re.compile(r"removals-([0-9]{6})\.jsonl")
PLACE = re.compile(r"([0-9]{1,7})-([0-9]{1,15})", re.ASCII)
OPENING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CHUNK = 64 << 10
LONGEST = 64 << 10  # bytes of a line; a longer one is none of ours
MOST_BYTES = 4 << 20  # read for one page: a file of nonsense costs no more


@dataclass(frozen=True, slots=True)
class RemovalPage:
    """`older`: ask with it for the next page; None: that was all. `unreadable`: lines passed over."""

    removals: list[Removal] = field(default_factory=list)
    older: str | None = None
    unreadable: int = 0


def place_of(text: str) -> tuple[int, int] | None:
    """A file's number and a byte in it; None: not one that `older` said."""
    found = PLACE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def page(data: Path, limit: int, before: tuple[int, int] | None = None) -> RemovalPage:
    """Newest first. A place stays good when the log begins a new file: the current one counts as the next of the older."""
    files = _files(data)
    found: list[Removal] = []
    unreadable, left = 0, MOST_BYTES
    for number in sorted((n for n in files if before is None or n <= before[0]), reverse=True):
        with _opened(files[number]) as (handle, size):
            end = min(size, before[1]) if before and before[0] == number else size
            floor, upto = max(0, end - left), end
            for start, line in _lines(handle, end, floor):
                upto, removal = start, _removal(line)
                unreadable += removal is None
                found += [removal] if removal else []
                if len(found) == limit:
                    more = start > 0 or any(n < number for n in files)
                    return RemovalPage(found, f"{number}-{start}" if more else None, unreadable)
            if floor:  # enough was read for once; of a line without an end nothing more is looked at
                return RemovalPage(found, f"{number}-{upto if upto < end else floor}", unreadable + (upto == end))
            left -= end
    return RemovalPage(found, None, unreadable)


def _files(data: Path) -> dict[int, Path]:
    """By number, the current one behind all others."""
    try:
        refuse_links(data, data / FOLDER)
        names = [path.name for path in (data / FOLDER).iterdir()]
    except (OSError, StorageError):
        return {}
    files = {int(found[1]): data / FOLDER / name for name in names if (found := OLDER.fullmatch(name))}
    if NAME in names:
        files[max(files, default=0) + 1] = data / FOLDER / NAME
    return files


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """A descriptor and a size; of what is no plain file, or is gone meanwhile, nothing is read."""
    try:
        handle = os.open(path, OPENING)
    except OSError:
        yield -1, 0
        return
    try:
        found = os.fstat(handle)
        yield handle, found.st_size if stat.S_ISREG(found.st_mode) else 0
    finally:
        os.close(handle)


def _lines(handle: int, end: int, floor: int) -> Iterator[tuple[int, bytes | None]]:
    """Where each line begins, and the line, the last one first; None: it is too long. Nothing below `floor` is looked at."""
    upto = end
    for newline in _newlines(handle, end, floor):
        start = newline + 1
        if start < upto:
            yield start, os.pread(handle, upto - start, start) if upto - start <= LONGEST else None
        upto = start


def _newlines(handle: int, end: int, floor: int) -> Iterator[int]:
    """Places of newlines, the last first; before the beginning of the file there is one too."""
    at = end
    while at > floor:
        size = min(CHUNK, at - floor)
        at -= size
        chunk = os.pread(handle, size, at)
        cut = len(chunk)
        while (cut := chunk.rfind(b"\n", 0, cut)) >= 0:
            yield at + cut
    if floor == 0:
        yield -1


def _removal(line: bytes | None) -> Removal | None:
    try:
        return Removal.model_validate_json(line) if line else None
    except (ValidationError, RecursionError):
        return None
