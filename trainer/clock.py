"""Time of the trainer comes from here: what others get is a Clock, and tests give them their own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def mono_ns(self) -> int:
        """For durations; never steps."""

    def wall_ns(self) -> int:
        """UTC since 1970, for what is written down; may step."""


class SystemClock:
    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()


def wall_us(clock: Clock) -> int:
    """As the store keeps times."""
    return clock.wall_ns() // 1000
