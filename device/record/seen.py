"""Seen: what a take needs of a scene, without its picture; and History, the looks of the last seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from contracts.event import Event
from contracts.takes import TakeLook
from device.pipeline.ring import RingReader
from device.pipeline.taking import of_labels
from device.record.session_calibration import Size
from vision.types import Scene

SPARE_NS = 10_000_000_000  # a take is told some frames after it began
MOST = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A look and an event of its scene; with `new` the cursors and sizes of all cameras."""

    look: TakeLook | None
    event: Event | None
    mono_ns: int
    pts_ns: int
    model: str | None = None
    readers: dict[str, RingReader] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)

    def mono_at(self, pts_ns: int) -> int:
        """The capture time of another picture of the same camera."""
        return self.mono_ns - (self.pts_ns - pts_ns)


def look_of(scene: Scene, labels: tuple[str, ...] | None) -> TakeLook | None:
    """None: a camera's farewell, which is no picture."""
    frame, found = scene.frame, scene.detections
    if not frame.planes.width:
        return None
    circles = []
    for row in np.flatnonzero(of_labels(scene, labels)) if len(found) else ():
        x1, y1, x2, y2 = (float(v) for v in found.xyxy[row])
        sizes = round((x1 + x2) / 2, 3), round((y1 + y2) / 2, 3), round((x2 - x1 + y2 - y1) / 4, 3)
        circles.append((*sizes, round(min(1.0, max(0.0, float(found.confidence[row]))), 4)))
    return TakeLook(camera=frame.camera, pts_ns=frame.pts_ns, mono_ns=max(0, frame.mono_ns), answered=found.status == "ok", found=circles)


class History:
    """Looks of all cameras, the oldest first, as far back as a pre-roll may reach."""

    def __init__(self, pre_roll_ns: int) -> None:
        self._span_ns = pre_roll_ns + SPARE_NS
        self.looks: deque[TakeLook] = deque(maxlen=MOST)

    def add(self, look: TakeLook) -> None:
        self.looks.append(look)
        while look.mono_ns - self.looks[0].mono_ns > self._span_ns:
            self.looks.popleft()

    def mono_at(self, camera: str, pts_ns: int, seen: Seen) -> int:
        """The capture time of a picture that was looked at; by the distance in media time where it is forgotten."""
        known = (look.mono_ns for look in reversed(self.looks) if look.camera == camera and look.pts_ns == pts_ns)
        return next(known, seen.mono_at(pts_ns))
