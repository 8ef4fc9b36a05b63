"""Folder: looked through and cleared without ever following a link, leaving the data folder or changing the file system."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OPENING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class File:
    name: str
    bytes: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in one folder: plain files and folders; links, pipes and other file systems are nothing to us."""

    files: tuple[File, ...]
    folders: tuple[str, ...]
    faults: tuple[tuple[str, OSError], ...] = ()  # what is there and cannot be looked at


@contextmanager
def opened(data: Path, relative: str) -> Iterator[int]:
    """A folder below `data` as a handle; each step of the way is a folder and no link. `data` itself may be one, that is the owner's."""
    handle = os.open(data, OPENING & ~os.O_NOFOLLOW)
    try:
        device = os.fstat(handle).st_dev
        for part in relative.split("/") if relative else ():
            if part in {"", ".", ".."}:
                raise NotADirectoryError(20, "not a plain path below the data folder", relative)
            inner = os.open(part, OPENING, dir_fd=handle)
            os.close(handle)
            handle = inner
        if os.fstat(handle).st_dev != device:
            raise NotADirectoryError(20, "lies on another file system", relative)
        yield handle
    finally:
        os.close(handle)


def listed(handle: int) -> Listing:
    """A file that goes away meanwhile is left out."""
    files: list[File] = []
    folders: list[str] = []
    faults: list[tuple[str, OSError]] = []
    with os.scandir(handle) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        try:
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            faults.append((name, error))
            continue
        if stat.S_ISREG(found.st_mode):
            files.append(File(name, found.st_size, found.st_mtime_ns))
        elif stat.S_ISDIR(found.st_mode):
            folders.append(name)
    return Listing(tuple(files), tuple(sorted(folders)), tuple(faults))


def remove_file(data: Path, relative: str) -> None:
    """Harmless when it is gone."""
    folder, _, name = relative.rpartition("/")
    with suppress(FileNotFoundError), opened(data, folder) as handle:
        os.unlink(name, dir_fd=handle)


def remove_empty(data: Path, relative: str) -> None:
    """A folder of which nothing is left; the newest beside it stays, somebody may be about to write there."""
    outer, _, name = relative.rpartition("/")
    with suppress(OSError), opened(data, outer) as handle:
        with os.scandir(handle) as entries:
            newest = max(entry.name for entry in entries)
        if name != newest:
            os.rmdir(name, dir_fd=handle)
