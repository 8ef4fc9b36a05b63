"""EventLog: one line of canonical JSON an event message; the same file gives the same bytes, a torn last line is cut."""

from __future__ import annotations

import errno
import logging
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from contracts.canonical import canonical
from contracts.event import Event
from contracts.eventlog import LogHeader
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.strict import Strict
from device.pipeline.tally import Tally
from device.publish.log_lines import line, mend

log = logging.getLogger(__name__)
PART = "event_log"
MAX_UNWRITTEN = 10_000


class Options(Strict):
    fsync: Literal["interval", "each", "end"] = Field(default="interval", description="when lines are forced to the disk")
    fsync_s: float = Field(default=1, gt=0, le=60, description="seconds between two fsyncs, for `interval`")
    rotate: Literal["never", "daily"] = Field(default="never", description="daily: a new file each UTC day, and at `max_bytes`")
    max_bytes: int = Field(default=64 << 20, ge=1 << 12, description="size at which a rotated log begins a new file")
    keep_files: int = Field(default=30, ge=1, description="rotated files kept; the oldest go first")


class EventLog:
    """One thread (Journal). A disk that takes nothing costs no line until `MAX_UNWRITTEN` wait in memory; what is lost is counted.

    A log is of one model: the first event of another begins a new file, whose first line says which and since when.
    """

    def __init__(self, path: Path, header: LogHeader, clock: Clock, *, board: Board, tally: Tally, options: Options | None = None) -> None:
        self._path, self._header, self._clock, self._board, self._tally = path, header, clock, board, tally
        self._options = options or Options()
        self._newest = self._following = header  # of what waits, and of the model that serves
        self._unwritten: deque[bytes | LogHeader] = deque()
        self._bare = False  # the file has its first line alone
        self._file = -1
        self._size = 0  # of the file, up to the end of the last whole line
        self._day = ""  # the file's, in UTC
        self._dirty_ns: int | None = None  # since when something waits for fsync
        self._tried_ns = -(1 << 62)
        self._trouble = False
        self.report = ""  # what had to be cut off what an earlier run left
        self._flush()

    def serves(self, model: str, engine: str, stages: dict[str, dict[str, str]]) -> None:
        """Another model looks from now on; from any thread. Events of frames before are still to come."""
        changed = {"model": model, "engine": engine, "stages": stages, "processed_at": utc_from_ns(self._clock.wall_ns())}
        self._following = self._following.model_copy(update=changed)

    def add(self, event: Event, mono_ns: int) -> None:
        following = self._following
        if event.model == following.model != self._newest.model:
            self._newest = following
            self._unwritten.append(following)
        self._unwritten.append(line(event))
        if len(self._unwritten) > MAX_UNWRITTEN:
            self._lose_one()
        if not self._trouble:
            self._flush()

    def _lose_one(self) -> None:
        """The oldest line; the model of those behind it is not forgotten."""
        oldest = self._unwritten.popleft()
        if isinstance(oldest, LogHeader):
            self._unwritten.popleft()
            self._unwritten.appendleft(oldest)
        self._tally.count("", "event_log", "lost")

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
            self._headed()
            while self._unwritten:
                first = self._unwritten[0]
                if isinstance(first, LogHeader):
                    self._turn_to(first)
                else:
                    self._write(first)
                    self._bare = False
                self._unwritten.popleft()
        except OSError as error:
            self._refused(error)
            return
        if self._trouble or PART not in self._board.parts():
            self._trouble = False
            self._board.part(PART, "ok", "", self._clock.wall_ns())
        if self._options.fsync == "each":
            self._sync()

    def _headed(self) -> None:
        """There is a file, with its first line."""
        if self._file < 0:
            self._begin()
        if self._size == 0:
            self._write(canonical(self._header.model_dump(mode="json")))
            self._bare = True

    def _turn_to(self, header: LogHeader) -> None:
        """A new file for another model; one without an event becomes it."""
        self._header = header
        if self._bare:
            os.ftruncate(self._file, 0)
            self._size = 0
        else:
            self._end_file()
        self._headed()

    def _end_file(self) -> None:
        self._sync()
        os.close(self._file)
        self._file = -1
        self._set_aside()

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
        self._end_file()
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
