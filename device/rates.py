"""Rates: how much comes in a day, by name, from hourly sums of the last week that outlive a restart."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from contracts.errors import StorageError
from contracts.files import write_durably
from dataset.layout import open_regular
from device.clock import Clock

HOUR_S = 3600.0
HOURS = 7 * 24
LEAST_S = HOUR_S  # known for less than that is not known
DAY_S = 86400.0
LARGEST_FILE = 1 << 20
MOST_BYTES = 1 << 50  # in an hour; more was never counted by us

Hour = tuple[float, dict[str, int]]  # seconds, and bytes that came by shelf


class Rates:
    """Counted by the monotonic clock: a clock that is set changes nothing. `see` once a round."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._hours: deque[Hour] = deque(_read(path), maxlen=HOURS)
        self._since_ns = clock.mono_ns()
        self._added: dict[str, int] = {}
        self._before: dict[str, int] = {}  # bytes there plus bytes ever removed

    def see(self, there: Mapping[str, int], removed: Mapping[str, int]) -> None:
        """StorageError when the hour could not be written; it is counted in memory all the same."""
        for shelf, size in there.items():
            ever = size + removed.get(shelf, 0)
            came = ever - self._before.get(shelf, ever)
            self._before[shelf] = ever
            self._added[shelf] = self._added.get(shelf, 0) + max(0, came)  # the owner may remove things as well
        if self._seconds() >= HOUR_S:
            self._hours.append((self._seconds(), self._added))
            self._since_ns, self._added = self._clock.mono_ns(), {}
            hours = [[round(seconds, 1), added] for seconds, added in self._hours]
            write_durably(self._path, json.dumps({"format": 1, "hours": hours}).encode())

    def _seconds(self) -> float:
        return (self._clock.mono_ns() - self._since_ns) / 1e9

    def per_day(self, shelf: str) -> int | None:
        """None: not watched for long enough."""
        known = [(seconds, added.get(shelf, 0)) for seconds, added in (*self._hours, (self._seconds(), self._added))]
        seconds = sum(each for each, _ in known)
        return int(sum(added for _, added in known) * DAY_S / seconds) if seconds >= LEAST_S else None


def _read(path: Path) -> list[Hour]:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            hours = json.loads(file.read(LARGEST_FILE))["hours"]
        read = [(float(seconds), {str(shelf): int(size) for shelf, size in added.items()}) for seconds, added in hours]
    except (OSError, StorageError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return []  # a forecast begins again
    return [hour for hour in read if 0 < hour[0] < 10 * HOUR_S and all(0 <= size < MOST_BYTES for size in hour[1].values())]
