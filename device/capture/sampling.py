"""Samples: which pictures are looked at, by media time alone, and what became of each sample point."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from device.pipeline.tally import Tally

MOST = 20_000  # pictures that may be undecided
EARLY = 10  # a picture may be this part of a period before its grid point: containers round times to milliseconds


class Samples:
    """A grid over media time. Each period that has a picture is one sample point, and its first picture is the sample.

    A sample point is offered once and ends as passed, gated or dropped: offered = passed + gated + dropped. When the first
    picture of a period cannot be decoded, the next one of the period serves.

    `after`, `until`: only periods behind the one and up to the other, for whoever looks at a part of a recording.
    """

    def __init__(
        self,
        camera: str,
        detection_fps: float,
        tally: Tally,
        on_fate: Callable[[int, str], None] = lambda _pts, _fate: None,
        *,
        after: int | None = None,
        until: int | None = None,
    ) -> None:
        self._camera, self._tally, self._on_fate, self._until = camera, tally, on_fate, until
        self._period_ns = period_ns(detection_fps)
        self._seen: list[int] = []  # heap: times of pictures that have come, in decoding order, and are not judged yet
        self._offered = after  # the newest period offered
        self._open: dict[int, int] = {}  # period -> time of its first picture

    def undecided_ns(self) -> int | None:
        """The time of the first picture that has come and of which it is not said yet what becomes of it."""
        return min([*self._seen[:1], *self._open.values()], default=None)

    def see(self, pts_ns: int) -> None:
        """A picture has come; it need not be decoded."""
        if self._until is not None and self._period(pts_ns) > self._until:
            return
        heapq.heappush(self._seen, pts_ns)
        if len(self._seen) > MOST:
            self.skip(self._seen[0] + 1, "dropped", "broken")  # a decoder that gives nothing, for hours

    def serve(self, pts_ns: int) -> bool:
        """A decoded picture, in order of presentation: is it a sample? Points before it got no picture: broken."""
        self._offer(lambda pts: pts <= pts_ns)
        period = self._period(pts_ns)
        for old in [p for p in self._open if p < period]:
            self._end(old, "dropped", "broken")
        return period in self._open

    def settle(self, pts_ns: int, fate: str) -> None:
        """What became of the sample that was just served: passed or gated."""
        self._end(self._period(pts_ns), fate, "", pts_ns)

    def skip(self, before_ns: int | None, fate: str, reason: str = "") -> None:
        """All points before a time (None: all there are) end undecoded."""
        self._offer(lambda pts: before_ns is None or pts < before_ns)
        for period in list(self._open):
            self._end(period, fate, reason)

    def _period(self, pts_ns: int) -> int:
        return period_of(pts_ns, self._period_ns)

    def _offer(self, ripe: Callable[[int], bool]) -> None:
        while self._seen and ripe(self._seen[0]):
            pts = heapq.heappop(self._seen)
            period = self._period(pts)
            if self._offered is None or period > self._offered:
                self._offered = period
                self._open[period] = pts
                self._tally.count(self._camera, "offered")

    def _end(self, period: int, fate: str, reason: str, pts_ns: int | None = None) -> None:
        first = self._open.pop(period)
        self._on_fate(first if pts_ns is None else pts_ns, fate)
        if fate != "passed":  # passed ones are counted where they end: analysed, or dropped on the way
            self._tally.count(self._camera, fate, reason)


def period_ns(detection_fps: float) -> int:
    """0: every picture is a period of its own."""
    return round(1e9 / detection_fps) if detection_fps else 0


def period_of(pts_ns: int, length_ns: int) -> int:
    return (pts_ns + length_ns // EARLY) // length_ns if length_ns else pts_ns
