"""Opening: one writer at a time, and what a crash left at the end of a log."""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from contracts.dataset import Acknowledgement
from contracts.errors import ConfigError
from contracts.files import storage
from dataset.layout import Layout
from dataset.lines import MAX_LINE, Log, intact, line_at, read_lines
from dataset.offer import last_line_end

LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def alone(layout: Layout) -> int:
    """A lock that ends with the process, however it ends; ConfigError while another has it."""
    with storage(layout.lock):
        handle = os.open(layout.lock, LOCK, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "?"
        os.close(handle)
        raise ConfigError(f"{layout.root}: process {holder} writes to this data set; stop it, or choose another folder") from None
    with suppress(OSError):  # only words for the next who comes
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def mend_end(log: Log, end: int, good: Callable[[bytes], BaseModel | None]) -> int:
    """What is behind the last newline: a whole record gets its newline, a torn one was never acknowledged and is cut off.

    How many bytes were cut off. What is too long to be one of ours stays, as a line that is damaged.
    """
    torn = log.end - end
    if torn == 0:
        return 0
    if torn <= MAX_LINE and good(line_at(log.handle, end)) is None:
        with storage(log.path):
            log.cut(end)
        return torn
    log.append(b"\n")
    return 0


@contextmanager
def appending(path: Path, good: Callable[[bytes], BaseModel | None]) -> Iterator[Log]:
    """A log that several add to, nobody else meanwhile, and without the torn end that a crash may have left."""
    with closing(Log(path)) as log:
        with storage(path):
            fcntl.flock(log.handle, fcntl.LOCK_EX)
            log.end = os.fstat(log.handle).st_size  # somebody may have added while we waited
        mend_end(log, last_line_end(log.handle), good)
        yield log


def read_mark(text: bytes | None) -> Acknowledgement | None:
    """A line of `acknowledged.jsonl`; None: damaged."""
    good = intact(text)
    try:
        return Acknowledgement.model_validate_json(good) if good else None
    except (ValidationError, RecursionError):
        return None


def marks(handle: int, start: int) -> Iterator[tuple[Acknowledgement | None, int]]:
    """Each whole line of `acknowledged.jsonl`, and where it ends."""
    return ((read_mark(line.text), line.end) for line in read_lines(handle, start) if line.whole)


def sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_filesystem(path: Path) -> None:
    """Everything that was written to the file system `path` is on: one call for thousands of small files (syncfs(2))."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "syncfs"):
            os.sync()
        elif libc.syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)
