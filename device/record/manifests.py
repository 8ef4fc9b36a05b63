"""Manifests: read from the disk when asked for, and remembered while they have not changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from pydantic import ValidationError

from contracts.clip import Clip
from device.record.layout import manifest_of

REMEMBERED = 1024
LONGEST_REMEMBERED = 32 << 10  # bytes; one of ours has one or two thousand, and a foreign disk may be full of large ones
LONGEST = 16 << 20  # bytes; a recording with that many events and holes is none


class Manifests:
    """Threads may share it. `broken` names those that could not be read, relative to the data, and why."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._known: OrderedDict[str, tuple[tuple[int, int], Clip]] = OrderedDict()
        self._lock = threading.Lock()
        self.broken: dict[str, str] = {}

    def read(self, video: str) -> Clip | None:
        """That of a video, by its path relative to the data folder."""
        path = manifest_of(self._data / video)
        try:
            status = path.stat(follow_symlinks=False)
        except OSError as error:
            self._not(path, error.strerror or str(error))
            return None
        mark = (status.st_size, status.st_mtime_ns)
        with self._lock:
            known = self._known.get(video)
        if known and known[0] == mark:
            return known[1]
        return self._parsed(path, video, mark)

    def _parsed(self, path: Path, video: str, mark: tuple[int, int]) -> Clip | None:
        try:
            with path.open("rb") as file:
                clip = Clip.model_validate_json(file.read(min(mark[0], LONGEST)))
        except (OSError, ValidationError) as error:
            self._not(path, str(error).splitlines()[0])
            return None
        with self._lock:
            self.broken.pop(self._name(path), None)
            if mark[0] > LONGEST_REMEMBERED:
                return clip
            self._known[video] = mark, clip
            self._known.move_to_end(video)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return clip

    def _not(self, path: Path, why: str) -> None:
        with self._lock:
            self.broken[self._name(path)] = why

    def _name(self, path: Path) -> str:
        return path.relative_to(self._data).as_posix()
