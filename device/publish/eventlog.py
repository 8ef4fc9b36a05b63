"""EventLog: one line of canonical JSON an event message; the same file gives the same bytes, a torn last line is cut."""

from __future__ import annotations

import errno
import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from contracts.canonical import canonical
from contracts.errors import StorageError
from contracts.event import Event
from contracts.eventlog import LogHeader
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.strict import Strict
from device.pipeline.tally import Tally

log = logging.getLogger(__name__)
PART = "event_log"
MAX_UNWRITTEN = 10_000
CHUNK_BYTES = 1 << 16


class Options(Strict):
    fsync: Literal["interval", "each", "end"] = Field(default="interval", description="when lines are forced to the disk")
    fsync_s: float = Field(default=1, gt=0, le=60, description="seconds between two fsyncs, for `interval`")
    rotate: Literal["never", "daily"] = Field(default="never", description="daily: a new file each UTC day, and at `max_bytes`")
    max_bytes: int = Field(default=64 << 20, ge=1 << 12, description="size at which a rotated log begins a new file")
    keep_files: int = Field(default=30, ge=1, description="rotated files kept; the oldest go first")


class EventLog:
    """One thread (Journal). A disk that takes nothing costs no line until `MAX_UNWRITTEN` wait in memory; what is lost is counted."""

    def __init__(self, path: Path, header: LogHeader, clock: Clock, *, board: Board, tally: Tally, options: Options | None = None) -> None:
        self._path, self._header, self._clock, self._board, self._tally = path, header, clock, board, tally
        self._options = options or Options()
        self._unwritten: deque[bytes] = deque()
        self._file = -1
        self._size = 0  # of the file, up to the end of the last whole line
        self._day = ""  # the file's, in UTC
        self._dirty_ns: int | None = None  # since when something waits for fsync
        self._tried_ns = -(1 << 62)
        self._trouble = False
        self.report = ""  # what had to be cut off what an earlier run left
        self._flush()

    def add(self, event: Event, mono_ns: int) -> None:
        self._unwritten.append(line(event))
        if len(self._unwritten) > MAX_UNWRITTEN:
            self._unwritten.popleft()
            self._tally.count("", "event_log", "lost")
        if not self._trouble:
            self._flush()

    def due_in_s(self) -> float:
        if self._trouble:
            return max(0.0, 1 - (self._clock.mono_ns() - self._tried_ns) / 1e9)
        if self._dirty_ns is None or self._options.fsync == "end":
            return float("inf")
        return max(0.0, self._options.fsync_s - (self._clock.mono_ns() - self._dirty_ns) / 1e9)

    def commit(self) -> None:
        self._flush()
        self._sync()

    def finish(self) -> None:
        self.commit()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # ---- inside

    def _flush(self) -> None:
        self._tried_ns = self._clock.mono_ns()
        try:
            self._rotate_if_due()
            if self._file < 0:
                self._begin()
            if self._size == 0:
                self._write(canonical(self._header.model_dump(mode="json")))
            while self._unwritten:
                self._write(self._unwritten[0])
                self._unwritten.popleft()
        except OSError as error:
            self._refused(error)
            return
        if self._trouble or PART not in self._board.parts():
            self._trouble = False
            self._board.part(PART, "ok", "", self._clock.wall_ns())
        if self._options.fsync == "each":
            self._sync()

    def _write(self, content: bytes) -> None:
        """A whole line or none: what a full disk took of it is cut off again."""
        try:
            written = os.write(self._file, content)
            if written < len(content):
                raise OSError(28, "no space left for a whole line")
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += written
        if self._dirty_ns is None:
            self._dirty_ns = self._clock.mono_ns()

    def _sync(self) -> None:
        if self._dirty_ns is None or self._file < 0:
            return
        try:
            os.fsync(self._file)
            self._dirty_ns = None
        except OSError as error:
            self._refused(error)

    def _refused(self, error: OSError) -> None:
        if not self._trouble:
            log.error("%s: %s", self._path, error)
        self._trouble = True
        self._board.part(
            PART, "failed", f"{self._path}: {error.strerror}; lines wait in memory, make room on that disk", self._clock.wall_ns()
        )

    def _begin(self) -> None:
        """Go on with the file that is there if it is of the same origin, else set it aside and begin one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.is_symlink():
            raise OSError(errno.ELOOP, "is a symbolic link, and none is followed; remove it")
        if cut := mend(self._path):
            self.report = cut
            log.warning(cut)
        if self._path.exists() and self._path.stat().st_size and not self._continues():
            self._set_aside()
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        stat = os.fstat(self._file)
        self._size = stat.st_size
        self._day = day(stat.st_mtime_ns if stat.st_size else self._clock.wall_ns())

    def _continues(self) -> bool:
        try:
            with self._path.open("rb") as file:
                there = LogHeader.model_validate_json(file.readline())
        except ValidationError:
            return False
        return there.model_copy(update={"processed_at": self._header.processed_at}) == self._header

    def _rotate_if_due(self) -> None:
        if self._options.rotate == "never" or self._file < 0:
            return
        if self._size < self._options.max_bytes and self._day == day(self._clock.wall_ns()):
            return
        self._sync()
        os.close(self._file)
        self._file = -1
        self._set_aside()
        self._header = self._header.model_copy(update={"processed_at": utc_from_ns(self._clock.wall_ns())})

    def _set_aside(self) -> None:
        """events.jsonl -> events-<its day>-<number>.jsonl; the oldest beyond `keep_files` go."""
        stem, suffix = self._path.stem, self._path.suffix
        its_day = self._day or day(self._path.stat().st_mtime_ns)
        taken = [p.stem.rsplit("-", 1)[1] for p in self._path.parent.glob(f"{stem}-{its_day}-[0-9]*{suffix}")]
        number = 1 + max((int(text) for text in taken if text.isdigit()), default=0)
        self._path.replace(self._path.with_name(f"{stem}-{its_day}-{number:06d}{suffix}"))
        rotated = sorted(self._path.parent.glob(f"{stem}-[0-9]*-[0-9]*{suffix}"))
        for old in rotated[: -self._options.keep_files]:
            log.info("removed %s: %d newer logs are kept", old, self._options.keep_files)
            old.unlink()
        self._day = ""


def day(wall_ns: int) -> str:
    return utc_from_ns(wall_ns).strftime("%Y%m%d")


def line(event: Event) -> bytes:
    return canonical(event.model_dump(mode="json"))


def mend(path: Path) -> str:
    """Cut what follows the last whole line, which a crash tore; what was done, or nothing."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return ""
    with file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(0, end - CHUNK_BYTES)
            file.seek(begin)
            at = file.read(end - begin).rfind(b"\n")
            if at >= 0:
                end = begin + at + 1
                break
            end = begin
        file.truncate(end)
    return f"{path}: its last line was torn; {size - end} bytes were cut off" if end < size else ""


def read_log(path: Path) -> tuple[LogHeader, Iterator[Event]]:
    """The header and the events of a log; a torn last line is left out, a damaged one is a StorageError that names it."""
    with path.open("rb") as file:
        first = file.readline()
    try:
        header = LogHeader.model_validate_json(first)
    except ValidationError as error:
        raise StorageError(f"{path}: line 1 is not the header of an event log; was it written by something else?") from error
    return header, _events(path)


def _events(path: Path) -> Iterator[Event]:
    with path.open("rb") as file:
        file.readline()
        for number, content in enumerate(file, 2):
            if not content.endswith(b"\n"):
                return
            try:
                yield Event.model_validate_json(content)
            except ValidationError as error:
                raise StorageError(f"{path}: line {number} is not an event; cut it out or restore the file") from error
