"""Looks: scenes on their way into the histograms; on the analysis thread a reference is taken and nothing is computed."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from device.pipeline.tally import Tally
from vision.types import Detections, Frame, Scene

WAITING = 4096  # looks that may wait to be added up: half a minute of several cameras; boxes only


@dataclass(frozen=True, slots=True)
class Look:
    """Without its picture: what waits must keep none alive."""

    camera: str
    model: str
    labels: tuple[str, ...]
    detections: Detections
    area_px: int
    wall_ns: int


@dataclass(slots=True)
class Taken:
    """What came since the last time; at most one picture of each camera, the newest."""

    looks: deque[Look] = field(default_factory=deque)
    pictures: dict[str, tuple[str, Frame]] = field(default_factory=dict)  # camera -> model and frame


class Looks:
    """An Inbox of scenes. Full, the oldest look is given up, counted; a picture that was not fetched yet gives way to the newer."""

    def __init__(self, tally: Tally, picture_every_s: float) -> None:
        self._tally, self._every_ns = tally, int(picture_every_s * 1e9)
        self._lock = threading.Lock()
        self._now = Taken()
        self._due_ns: dict[str, int] = {}

    def put(self, item: Scene, wait: bool = False) -> bool:
        frame = item.frame
        if item.model is None or frame.seq < 0:
            return True  # no model looked; or a farewell, which has no picture
        planes = frame.planes
        look = Look(frame.camera, item.model, item.labels, item.detections, planes.width * planes.height, frame.wall_ns)
        with self._lock:
            full = len(self._now.looks) >= WAITING
            if full:
                self._now.looks.popleft()
            self._now.looks.append(look)
            if frame.mono_ns >= self._due_ns.get(frame.camera, frame.mono_ns):
                self._due_ns[frame.camera] = frame.mono_ns + self._every_ns
                self._now.pictures[frame.camera] = (item.model, frame)
        if full:
            self._tally.count(frame.camera, "drift", "late")
        return not full

    def take(self) -> Taken:
        with self._lock:
            taken, self._now = self._now, Taken()
        return taken
