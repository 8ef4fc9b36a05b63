"""Backoff: how long to wait before a failed camera is opened again; doubling, capped, spread by chance."""

from __future__ import annotations

from collections.abc import Callable

STEADY_NS = 30_000_000_000  # a connection that lasted this long was a good one


class Backoff:
    """`chance` gives numbers from 0 to 1; a hundred cameras behind one switch must not come back in step."""

    def __init__(self, chance: Callable[[], float], first_s: float = 0.5, most_s: float = 30.0) -> None:
        self._chance, self._first_s, self._most_s = chance, first_s, most_s
        self.failures = 0  # in a row

    def next_s(self, lasted_ns: int) -> float:
        """Seconds to wait now; `lasted_ns`: how long the connection that failed gave pictures."""
        if lasted_ns >= STEADY_NS:
            self.failures = 0
        whole: float = min(self._most_s, self._first_s * 2 ** min(self.failures, 30))
        self.failures += 1
        return whole * (0.5 + 0.5 * self._chance())
