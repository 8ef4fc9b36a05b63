"""Pace: how fast what waited is caught up."""

from __future__ import annotations


class Pace:
    """At most so many a second, evenly; after a quiet spell `burst` at once, or a tenth of a second's worth."""

    def __init__(self, per_s: float, burst: int = 1) -> None:
        self._interval_ns = int(1e9 / per_s)
        self._burst_ns = max(self._interval_ns * max(1, burst - 1), 100_000_000)
        self._next_ns = -(1 << 62)

    def wait_ns(self, now_ns: int) -> int:
        """How long until one more may go."""
        return max(0, self._next_ns - now_ns)

    def spend(self, now_ns: int) -> None:
        self._next_ns = max(self._next_ns, now_ns - self._burst_ns) + self._interval_ns
