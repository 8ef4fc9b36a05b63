"""Baseline: what the last good model shows on this box, by hour of the day, learned while it serves and kept through restarts."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from contracts.dsse import DIGEST
from contracts.errors import StorageError
from contracts.files import write_durably
from contracts.wire import Wire
from device.clock import Clock
from device.update.seen import Kept, Seen

log = logging.getLogger(__name__)
HOUR_NS = 3600 * 1_000_000_000
HOURS = 24
MOST_FRAMES = 200_000  # of an hour of the day: then what is older counts half
NEAR = (0, -1, 1)  # this hour of the day and those beside it: streets are empty at night


class BaselineFile(Wire):
    v: Literal[1] = 1
    digest: str = Field(pattern=DIGEST)
    hours: dict[int, Kept] = Field(default_factory=dict)


class Baseline:
    """Thread-safe. A file that cannot be read is begun anew: the guard then knows less, and says so."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._digest = ""
        self._hours: dict[int, Seen] = {}
        self._load()

    @property
    def digest(self) -> str:
        return self._digest

    def add(self, digest: str, seen: Seen) -> None:
        """Of the model that serves; another one than before begins a new baseline."""
        with self._lock:
            if digest != self._digest:
                self._digest, self._hours = digest, {}
            hour = self._hours.setdefault(self._hour(), Seen())
            hour.merge(seen)
            if hour.frames > MOST_FRAMES:
                hour.halve()

    def near(self, least: int) -> Seen:
        """Of this time of the day when there are `least` frames of it, else of the whole day."""
        with self._lock:
            now = self._hour()
            found = _sum([self._hours[(now + step) % HOURS] for step in NEAR if (now + step) % HOURS in self._hours])
            return found if found.answered >= least else _sum(list(self._hours.values()))

    def save(self) -> None:
        """StorageError when the disk refuses."""
        with self._lock:
            if not self._digest:
                return
            file = BaselineFile(digest=self._digest, hours={hour: seen.kept() for hour, seen in self._hours.items()})
        write_durably(self._path, file.model_dump_json().encode(), 0o640)

    def _load(self) -> None:
        try:
            file = BaselineFile.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError, StorageError) as error:
            log.warning("%s could not be read (%s): what is normal here is learned anew", self._path, error)
            return
        self._digest, self._hours = file.digest, {hour % HOURS: Seen.of(kept) for hour, kept in file.hours.items()}

    def _hour(self) -> int:
        return self._clock.wall_ns() // HOUR_NS % HOURS


def _sum(parts: list[Seen]) -> Seen:
    total = Seen()
    for part in parts:
        total.merge(part)
    return total
