"""Holes: where a damaged or cut recording has no pictures; each is said once, with its place."""

from __future__ import annotations

import logging
from dataclasses import dataclass

log = logging.getLogger(__name__)
SAID = 20  # holes said and kept; a film that is nothing but holes does not fill the log
LEAST_NS = 1_000_000_000
STEPS = 20  # a pause is a hole when it is this many times as long as the step before it


@dataclass(frozen=True, slots=True)
class Hole:
    from_pts_ns: int
    until_pts_ns: int
    reason: str


class Holes:
    def __init__(self, camera: str, path: str) -> None:
        self._camera, self._path = camera, path
        self.found: list[Hole] = []
        self.count = 0
        self._last_ns: int | None = None
        self._step_ns = 0

    def step(self, dts_ns: int) -> None:
        """A packet: is the pause before it out of step?"""
        if self._last_ns is not None:
            step = dts_ns - self._last_ns
            if self._step_ns and step > max(LEAST_NS, STEPS * self._step_ns):
                self.add(self._last_ns, dts_ns, "no pictures; the file is damaged there, or the recording paused")
            elif step > 0:
                self._step_ns = step
        self._last_ns = dts_ns

    def end(self, declared_ns: int | None, end_ns: int) -> None:
        """The file has ended: earlier than it says?"""
        if declared_ns is not None and declared_ns - end_ns > max(LEAST_NS, declared_ns // 50):
            self.add(end_ns, declared_ns, "the file is cut short")

    def add(self, from_ns: int, until_ns: int, reason: str) -> None:
        self.count += 1
        if len(self.found) < SAID:
            self.found.append(Hole(from_ns, until_ns, reason))
            extra = {"camera": self._camera, "file": self._path, "from_s": from_ns / 1e9, "until_s": until_ns / 1e9, "reason": reason}
            log.warning("hole in a file", extra=extra)
