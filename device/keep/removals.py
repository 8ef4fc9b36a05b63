"""RemovalLog: what was removed and why, one line each, on the disk before the files go."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.files import make_folders, sync_folder
from contracts.removal import Removal
from dataset.layout import open_regular
from device.pipeline.tally import Tally

log = logging.getLogger(__name__)
MOST_WAITING = 10_000  # lines in memory while the disk takes none
TAIL_BYTES = 1 << 16
FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class RemovalLog:
    """One thread. A disk that takes no line keeps nothing from being removed: lines wait in memory; what is lost is counted."""

    def __init__(self, path: Path, max_bytes: int, keep_files: int, tally: Tally) -> None:
        self._path, self._max_bytes, self._keep_files, self._tally = path, max_bytes, keep_files, tally
        self._waiting: deque[bytes] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, removals: Sequence[Removal]) -> None:
        """All lines with one write and one fsync; OSError: they wait for the next call."""
        self._waiting.extend(removal.model_dump_json().encode() + b"\n" for removal in removals)
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._tally.count("", "removals_log", "lost")
        self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        make_folders(self._path.parent)
        self._rotate_if_due()
        new = not self._path.exists()
        handle = os.open(self._path, FLAGS, 0o640)
        try:
            _append(handle, b"".join(self._waiting))
            os.fsync(handle)
        finally:
            os.close(handle)
        self._waiting.clear()
        if new:
            sync_folder(self._path.parent)

    def _rotate_if_due(self) -> None:
        """removals.jsonl -> removals-000007.jsonl; the oldest beyond `keep_files` go."""
        if not self._path.exists() or self._path.stat().st_size < self._max_bytes:
            return
        old = self.older()
        number = 1 + (int(old[-1].stem.rsplit("-", 1)[1]) if old else 0)
        self._path.replace(self._path.with_name(f"{self._path.stem}-{number:06d}{self._path.suffix}"))
        for path in self.older()[: -self._keep_files]:
            path.unlink()

    def older(self) -> list[Path]:
        return sorted(self._path.parent.glob(f"{self._path.stem}-[0-9][0-9][0-9][0-9][0-9][0-9]{self._path.suffix}"))

    def last(self, limit: int) -> list[Removal]:
        """The newest lines, for a report; a line that cannot be read is left out."""
        files = [*self.older()[-1:], self._path]
        return [removal for path in files for line in _tail(path) if (removal := _read(line))][-limit:]


def _tail(path: Path) -> list[bytes]:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read().splitlines()
    except (OSError, StorageError):
        return []


def _read(line: bytes) -> Removal | None:
    try:
        return Removal.model_validate_json(line)
    except ValidationError:
        return None


def _append(handle: int, content: bytes) -> None:
    """All or nothing: what a full disk took of it is cut off again, and so is what a power cut tore."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        tail = os.pread(handle, TAIL_BYTES, max(0, size - TAIL_BYTES))
        size = max(0, size - len(tail)) + tail.rfind(b"\n") + 1
        os.ftruncate(handle, size)
    try:
        if os.write(handle, content) < len(content):
            raise OSError(28, "no space left for a whole line")
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise
