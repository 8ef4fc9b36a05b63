"""Pace: lets recorded or rendered pictures go at their own speed, as a camera would."""

from __future__ import annotations

import threading

from device.capture.timeline import Moment
from device.clock import Clock

LATE_NS = 1_000_000_000  # held up for longer than this (a box that slept), time is taken anew


class Pace:
    def __init__(self, clock: Clock, stopped: threading.Event) -> None:
        self._clock, self._stopped = clock, stopped
        self._anchor_ns: int | None = None

    def place(self, pts_ns: int, dts_ns: int) -> Moment:
        """Wait until the packet is due (or the source stops) and say when that is."""
        now = self._clock.mono_ns()
        if self._anchor_ns is None or now - self._anchor_ns - dts_ns > LATE_NS:
            self._anchor_ns = now - dts_ns
        wait_ns = self._anchor_ns + dts_ns - now
        if wait_ns > 0:
            self._stopped.wait(wait_ns / 1e9)
        mono = self._anchor_ns + pts_ns
        return Moment(pts_ns, dts_ns, mono, mono + self._clock.wall_ns() - self._clock.mono_ns())
