"""Tally: counts and durations by camera, stage and reason; health, metrics and summaries read it."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque
from dataclasses import dataclass

WINDOW = 512  # percentiles are of the last so many durations
LOOKED_AT = ("last_frame_mono_ns", "last_gated_mono_ns")  # gauges of Analysis and of Look


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds over the last WINDOW samples; `count` is over all time."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Tally:
    """Thread-safe; cheap enough for every frame. Names: counts are (camera, what, reason), durations (camera, stage)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], int] = defaultdict(int)
        self._durations: dict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))
        self._totals: dict[tuple[str, str], int] = defaultdict(int)
        self._gauges: dict[tuple[str, str], float] = {}

    def count(self, camera: str, what: str, reason: str = "", by: int = 1) -> None:
        """`what`: offered, analysed, gated, dropped, packets, events, ...; `reason` says why for dropped ones."""
        with self._lock:
            self._counts[camera, what, reason] += by

    def took(self, camera: str, stage: str, ns: int) -> None:
        with self._lock:
            self._durations[camera, stage].append(ns / 1e6)
            self._totals[camera, stage] += 1

    def gauge(self, camera: str, name: str, value: float) -> None:
        with self._lock:
            self._gauges[camera, name] = value

    def counts(self) -> dict[tuple[str, str, str], int]:
        with self._lock:
            return dict(self._counts)

    def get(self, camera: str, what: str, reason: str | None = None) -> int:
        """One count; over all reasons when `reason` is None."""
        with self._lock:
            return sum(n for (c, w, r), n in self._counts.items() if c == camera and w == what and reason in {None, r})

    def gauges(self) -> dict[tuple[str, str], float]:
        with self._lock:
            return dict(self._gauges)

    def looked_at_ns(self, camera: str) -> float | None:
        """Capture time (mono) of the newest frame that was analysed, or in which the gate saw nothing."""
        with self._lock:
            return max((self._gauges[camera, name] for name in LOOKED_AT if (camera, name) in self._gauges), default=None)

    def percentiles(self) -> dict[tuple[str, str], Percentiles]:
        with self._lock:
            copies = {key: (sorted(values), self._totals[key]) for key, values in self._durations.items() if values}
        return {key: Percentiles(total, *(_rank(v, q) for q in (0.5, 0.95, 0.99))) for key, (v, total) in copies.items()}


def _rank(ordered: list[float], q: float) -> float:
    """Nearest-rank percentile: the smallest value that at least q of all do not exceed."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]
