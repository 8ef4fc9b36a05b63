"""Media time to capture time: a file's by its start, a live camera's by when its packets arrive."""

from __future__ import annotations

from dataclasses import dataclass

from device.clock import Clock

JUMP_NS = 10_000_000_000  # media time that runs ahead of the clock by more than this has jumped
STEP_NS = 1_000_000  # the least by which media time goes on after a jump
WINDOW_NS = 30_000_000_000  # the least delay is that of the last one to two windows, so that a drifting clock is followed


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a packet stands in time."""

    pts_ns: int
    dts_ns: int
    mono_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class FileTimeline:
    """Capture time of a recording is its start plus media time."""

    start_wall_ns: int
    anchor_mono_ns: int

    def place(self, pts_ns: int, dts_ns: int) -> Moment:
        return Moment(pts_ns, dts_ns, self.anchor_mono_ns + pts_ns, self.start_wall_ns + pts_ns)


class LiveTimeline:
    """Media time of a live camera, over all its connections, and capture times that network jitter does not move.

    Media time is the camera's own, shifted so that it began at zero with the first packet and goes on with the clock over
    reconnects, wraps and jumps; it never steps back. A packet was captured at its media time plus the least delay seen.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin_ns: int | None = None  # capture time of the first picture ever
        self._waited_ns: int | None = None  # least arrival minus camera time of what waited when the connection began
        self._offset_ns: int | None = None  # from the camera's time to ours; None at the start of a connection
        self._raw_dts_ns = self._arrival_ns = 0
        self._furthest_ns = -STEP_NS
        self._mono_ns = 0  # capture time of the furthest packet
        self._least = LeastDelay()

    def begin(self, waited_ns: int | None = None) -> None:
        """A new connection: its times have nothing to do with those before.

        The first packets come in a heap, all but the last long after their pictures were taken; `waited_ns` is the least
        arrival minus camera time among them.
        """
        self._offset_ns, self._waited_ns = None, waited_ns

    def place(self, pts_ns: int | None, dts_ns: int | None) -> Moment:
        """A packet that has arrived now."""
        arrival = self._clock.mono_ns()
        going_on = self._raw_dts_ns + max(1, arrival - self._arrival_ns)  # a packet without any time
        raw_dts = dts_ns if dts_ns is not None else pts_ns if pts_ns is not None else going_on
        raw_pts = max(pts_ns if pts_ns is not None else raw_dts, raw_dts)
        if self._offset_ns is None or self._jumped(raw_dts, arrival):
            self._offset_ns = self._anchor(raw_pts, raw_dts, arrival)
        self._raw_dts_ns, self._arrival_ns = raw_dts, arrival
        return self._moment(raw_pts + self._offset_ns, raw_dts + self._offset_ns, arrival)

    def _anchor(self, raw_pts_ns: int, raw_dts_ns: int, arrival_ns: int) -> int:
        """The shift that lets media time go on with the clock."""
        captured = arrival_ns if self._waited_ns is None else min(arrival_ns, raw_pts_ns + self._waited_ns)
        if self._origin_ns is None:
            self._origin_ns = captured
        offset = max(captured - self._origin_ns, self._furthest_ns + STEP_NS) - raw_dts_ns
        self._least = LeastDelay()
        self._least.of(arrival_ns, captured - raw_pts_ns - offset)
        self._waited_ns = None
        return offset

    def _jumped(self, raw_dts_ns: int, arrival_ns: int) -> bool:
        step = raw_dts_ns - self._raw_dts_ns
        return step <= 0 or step > arrival_ns - self._arrival_ns + JUMP_NS

    def _moment(self, pts_ns: int, dts_ns: int, arrival_ns: int) -> Moment:
        mono = pts_ns + self._least.of(arrival_ns, arrival_ns - pts_ns)
        if pts_ns > self._furthest_ns:
            mono = self._mono_ns = max(mono, self._mono_ns)
            self._furthest_ns = pts_ns
        return Moment(pts_ns, dts_ns, mono, mono + self._clock.wall_ns() - self._clock.mono_ns())


class LeastDelay:
    """The running minimum of arrival minus media time; forgets what is older than two windows."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._now: int | None = None
        self._before: int | None = None

    def of(self, arrival_ns: int, delay_ns: int) -> int:
        if self._since_ns is None or arrival_ns - self._since_ns > WINDOW_NS:
            self._before, self._now, self._since_ns = self._now, None, arrival_ns
        self._now = delay_ns if self._now is None else min(self._now, delay_ns)
        return self._now if self._before is None else min(self._now, self._before)
