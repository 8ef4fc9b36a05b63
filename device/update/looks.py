"""Looks: what the detector just saw, taken by reference, for whoever learns from it or compares with it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from device.pipeline.tally import Tally
from device.update.seen import Seen
from vision.types import Detections, Scene

WAITING = 4096  # looks that may wait to be added up, a minute of several cameras; boxes only


@dataclass(frozen=True, slots=True)
class Look:
    """Without its picture: what waits must keep none alive."""

    detections: Detections
    labels: tuple[str, ...]
    model: str
    took_ns: int


class Looks:
    """`__call__` on the detector's threads: two references and no lock that anybody holds long. The oldest are given up, counted."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._waiting: deque[Look] = deque()
        self._changed = threading.Condition()
        self._newest: Scene | None = None
        self._wanted = False
        self.unanswered = 0  # so far

    def __call__(self, scene: Scene, took_ns: int) -> None:
        with self._changed:
            lost = len(self._waiting) >= WAITING
            if lost:
                self._waiting.popleft()
            self._waiting.append(Look(scene.detections, scene.labels, scene.model or "", took_ns))
            answered = scene.detections.status == "ok"
            self.unanswered += not answered
            if self._wanted and answered:
                self._newest = scene
                self._changed.notify_all()
        if lost:
            self._tally.count(scene.frame.camera, "not_compared", "late")

    def take(self) -> dict[str, Seen]:
        """All looks since the last call, added up by the model that looked."""
        with self._changed:
            taken, self._waiting = self._waiting, deque()
        found: dict[str, Seen] = {}
        for look in taken:
            found.setdefault(look.model, Seen()).add(look.detections, look.labels, look.took_ns)
        return found

    def next(self, timeout_s: float) -> Scene | None:
        """The newest that was answered from now on, with its picture."""
        with self._changed:
            self._wanted, self._newest = True, None
            try:
                self._changed.wait_for(lambda: self._newest is not None, timeout_s)
                return self._newest
            finally:
                self._wanted, self._newest = False, None

