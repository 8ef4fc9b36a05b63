"""TakeLog: what is known of a take, a line at a time as it comes; when the take has ended its files are made from it."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.files import storage, sync_folder
from contracts.takes import TakeClip, TakeEnd, TakeHead, TakeLine, TakeLook

NAME = "take.jsonl.part"
MOST_BYTES = 256 << 20  # of a log that is read back: hours of looks; more is not one of ours


class TakeLog:
    """Appends whole lines; a kill costs the line in flight, a power cut what came since `sync`. StorageError from every method."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        with storage(self.path):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(self.path, flags, 0o640)
            self._handle: int | None = handle
            try:
                self._dirty = _mended(handle)
                sync_folder(folder)
            except OSError:
                os.close(handle)
                raise

    def write(self, line: TakeLine) -> None:
        if self._handle is None:
            return
        rest = memoryview(line.model_dump_json(exclude_none=True).encode() + b"\n")
        with storage(self.path):
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        self._dirty = True

    def sync(self) -> None:
        if self._dirty and self._handle is not None:
            with storage(self.path):
                os.fdatasync(self._handle)
            self._dirty = False

    def close(self) -> None:
        """Harmless when closed."""
        if self._handle is None:
            return
        try:
            self.sync()
        finally:
            os.close(self._handle)
            self._handle = None


def _mended(handle: int) -> bool:
    """End a line that a kill has torn, so that the next one is not joined to it."""
    size = os.fstat(handle).st_size
    if not size or os.pread(handle, 1, size - 1) == b"\n":
        return False
    os.write(handle, b"\n")
    return True


@dataclass
class TakeStory:
    """A log read back. `torn`: lines that are none, of which a kill leaves one."""

    head: TakeHead | None = None
    looks: list[TakeLook] = field(default_factory=list)
    clips: dict[str, TakeClip] = field(default_factory=dict)
    end: TakeEnd | None = None
    torn: int = 0

    def add(self, line: TakeLine) -> None:
        self.head = self.head or line.head
        self.end = line.end or self.end
        if line.look:
            self.looks.append(line.look)
        if line.clip:
            self.clips[line.clip.camera] = line.clip


def read_log(folder: Path) -> TakeStory | None:
    """None: there is no log. What does not parse is counted and left out."""
    path = folder / NAME
    story = TakeStory()
    try:
        with storage(path):
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise OSError(errno.EINVAL, "is not a plain file; remove it")
                if os.fstat(handle).st_size > MOST_BYTES:
                    raise OSError(errno.EFBIG, "is larger than any log of a take; look at it")
                for raw in file:
                    try:
                        story.add(TakeLine.model_validate_json(raw))
                    except ValidationError:
                        story.torn += bool(raw.strip())
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    return story
