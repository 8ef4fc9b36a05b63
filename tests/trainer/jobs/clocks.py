"""A clock that is moved by hand."""

from __future__ import annotations

BEGAN_NS = 1_790_000_000_000_000_000


class HandClock:
    def __init__(self) -> None:
        self._passed_ns = 0

    def mono_ns(self) -> int:
        return 1_000_000_000 + self._passed_ns

    def wall_ns(self) -> int:
        return BEGAN_NS + self._passed_ns

    def pass_s(self, seconds: float) -> None:
        self._passed_ns += int(seconds * 1e9)
