"""Ages: how old a thing is, told only while the clock is synchronised and has gone evenly beside the monotonic one for a while."""

from __future__ import annotations

from device.clock import BUILT_NS, Clock

SETTLE_NS = 60_000_000_000
STEP_NS = 60_000_000_000  # time servers slew less than that between two looks
DOUBT_NS = 86_400_000_000_000  # a clock that was right and then jumped is doubted for a day
FAR_NS = BUILT_NS + 50 * 31_557_600 * 1_000_000_000  # no honest clock is that late


class Ages:
    """`look` once a round. A clock at 1970 or 2090 tells no age, and a thing with such a time has none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns: int | None = None  # wall minus monotonic
        self._doubted_until_ns = clock.mono_ns() + SETTLE_NS
        self._was_right = False
        self.trusted = False

    def look(self) -> None:
        mono_ns, wall_ns = self._clock.mono_ns(), self._clock.wall_ns()
        offset_ns, before_ns = wall_ns - mono_ns, self._offset_ns
        self._offset_ns = offset_ns
        if before_ns is not None and abs(offset_ns - before_ns) > STEP_NS:
            self._doubt(mono_ns + (DOUBT_NS if self._was_right else SETTLE_NS))
        if self._clock.state() != "ntp" or not BUILT_NS <= wall_ns < FAR_NS:
            self._doubt(mono_ns + SETTLE_NS)
        self.trusted = mono_ns >= self._doubted_until_ns
        self._was_right = self._was_right or self.trusted

    def _doubt(self, until_ns: int) -> None:
        self._doubted_until_ns = max(self._doubted_until_ns, until_ns)

    def age_ns(self, wall_ns: int) -> int | None:
        """None: unknown."""
        age_ns = self._clock.wall_ns() - wall_ns
        return age_ns if self.trusted and age_ns >= 0 and wall_ns >= BUILT_NS else None

    def younger(self, wall_ns: int, span_ns: int) -> bool:
        """For the grace: by a clock that is wrong, too, for what was written by the same one."""
        return 0 <= self._clock.wall_ns() - wall_ns < span_ns
