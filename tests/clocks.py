"""A clock that is turned by hand."""

from __future__ import annotations

from dataclasses import dataclass

from device.clock import ClockState

S = 1_000_000_000
T0_NS = 1_789_999_200 * S  # 2026-09-21, a full hour


@dataclass
class HandClock:
    """Moves only when told to. A wall clock that is set is one whose `wall` is; `said`: how far that can be trusted."""

    wall: int = T0_NS
    mono: int = 1000 * S
    said: ClockState = "ntp"

    def mono_ns(self) -> int:
        return self.mono

    def wall_ns(self) -> int:
        return self.wall

    def state(self) -> ClockState:
        return self.said

    def advance(self, seconds: float) -> None:
        self.mono += int(seconds * S)
        self.wall += int(seconds * S)
