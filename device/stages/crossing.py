"""Crossing: one track beside one line, step by step, until it has come from one side well to the other."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import Literal

from device.pipeline.line import Line
from device.pipeline.zone import Point
from device.stages.moment import Box, When

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Step:
    """Where a track is in one sample: `at` in 0..1 of a picture that is `aspect` times as wide as high."""

    at: Point
    aspect: float
    label: str
    confidence: float
    box: Box
    when: When


class Path:
    """The way since the track was last clearly on a side. Lengths are heights of the picture."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._side = 0  # where it last clearly was: -1 left, 1 right, 0 not known yet
        self._last: tuple[float, float] | None = None
        self._through = 0  # times it went from left to right through the line since then, less those from right to left
        self._beyond: Step | None = None  # the first sample behind the last way through

    def go(self, step: Step) -> tuple[Direction, Step] | None:
        """A crossing, when this step has completed one, and the sample that was the first beyond the line."""
        off, along = self._place(step)
        if self._last is not None:
            self._pass(self._last, (off, along), step)
        self._last = (off, along)
        side = (off > self._line.margin) - (off < -self._line.margin)
        if not side:
            return None
        before, through, beyond = self._side, self._through, self._beyond
        self._side, self._through, self._beyond = side, 0, None
        if before * side >= 0 or through != side or beyond is None:
            return None
        return ("in" if side > 0 else "out"), beyond

    def _place(self, step: Step) -> tuple[float, float]:
        """How far to the right of the line, and how far along it: 0 its first end, 1 its second."""
        (ax, ay), (bx, by) = self._line.points
        dx, dy = (bx - ax) * step.aspect, by - ay
        px, py = (step.at[0] - ax) * step.aspect, step.at[1] - ay
        length = hypot(dx, dy)
        return (dx * py - dy * px) / length, (dx * px + dy * py) / (length * length)

    def _pass(self, old: tuple[float, float], new: tuple[float, float], step: Step) -> None:
        """Straight from old to new. A point on the line is on its right, one on its first end is on it, one on its second is not:
        of two lines that meet in a point, somebody who goes through there crosses one."""
        if (old[0] >= 0) == (new[0] >= 0):
            return
        where = old[1] + (new[1] - old[1]) * old[0] / (old[0] - new[0])
        if 0 <= where < 1:
            self._through += 1 if new[0] >= 0 else -1
            self._beyond = step
