"""Take: so many frames in a row with something in the gate begin a take, so many without end it; one event for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import numpy as np

from contracts.errors import ConfigError
from contracts.event import Event, event_id
from contracts.event import Life as LifeWord
from contracts.wire import utc_from_ns
from device.pipeline.context import Context
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from device.pipeline.taking import TakeRules, of_labels
from device.pipeline.zone import Zone, inside
from device.stages.analysed import longest_step_ns
from vision.types import Frame, Scene

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Active:
    """A frame with something in the gate: the most confident box."""

    frame: Frame
    box: Box
    confidence: float
    label: str
    model: str | None


@dataclass(slots=True)
class Open:
    """The take that runs."""

    id: UUID
    start: datetime
    first: Active
    last: Active
    best: float
    missed: int = 0  # frames since the last active one
    snapshot: str | None = None


class Take:
    """Frames of one camera decide (`recording.camera`), counted as they are looked at: a frame to which the model had no answer
    neither counts nor breaks a row. A stretch in which nobody looked (the gate slept, the camera was away) breaks the row and ends
    the take. `new` comes with the last frame of the row and carries the time of the first; `end` carries that of the last active one.
    """

    class Options(Strict):
        """None: the rules are in `recording`."""

        def gives(self) -> None:
            """Its kind is among the rules."""

    def __init__(self, options: Options, context: Context) -> None:
        rules = self._rules = context.taking or TakeRules()
        self._context = context
        self.camera = rules.camera or next(iter(context.cameras), "")
        if self.camera not in context.cameras:
            names = ", ".join(context.cameras) or "none"
            raise ConfigError(f"recording.camera: there is no camera {self.camera!r}; the cameras are: {names}; correct it")
        self._zone = self._gate(rules.gate)
        self._step_ns = longest_step_ns(context.cameras[self.camera].detection_fps)
        self._row: list[Active] = []
        self._open: Open | None = None
        self._looked_pts_ns: int | None = None

    def _gate(self, name: str | None) -> Zone | None:
        if name is None:
            return None
        zones = self._context.cameras[self.camera].zones
        if name not in zones:
            names = ", ".join(sorted(zones)) or "none"
            raise ConfigError(
                f"recording.lane_gate: camera {self.camera} has no zone {name!r}, its zones are: {names}; "
                f"draw it under cameras.{self.camera}.zones, or set recording.lane_gate to null for the whole picture"
            )
        return zones[name]

    def __call__(self, scene: Scene) -> Scene:
        if scene.frame.camera != self.camera or scene.detections.status != "ok":
            return scene
        events = [*self._after_a_hole(scene.frame.pts_ns), *self._look(self._active(scene))]
        self._looked_pts_ns = scene.frame.pts_ns
        return replace(scene, events=(*scene.events, *events)) if events else scene

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        return tuple(self._end(end.reason)) if end.camera == self.camera else ()

    def _after_a_hole(self, pts_ns: int) -> list[Event]:
        if self._looked_pts_ns is None or 0 <= pts_ns - self._looked_pts_ns <= self._step_ns:
            return []
        return self._end("nobody looked")

    def _look(self, active: Active | None) -> list[Event]:
        now = self._open
        if now is None:
            self._row = [*self._row, active] if active else []
            return [self._begin()] if len(self._row) >= self._rules.min_active_frames else []
        if active is None:
            now.missed += 1
            return self._end("") if now.missed >= self._rules.end_gap_frames else []
        now.last, now.missed, now.best = active, 0, max(now.best, active.confidence)
        too_long = active.frame.pts_ns - now.first.frame.pts_ns >= self._rules.longest_ns
        return self._end("longest take") if too_long else []

    def _begin(self) -> Event:
        first, last = self._row[0], self._row[-1]
        identity = self._context.cameras[self.camera].identity()
        take = event_id(identity, self._rules.kind, first.frame.pts_ns, "take")
        start = utc_from_ns(first.frame.wall_ns)
        best = max(active.confidence for active in self._row)
        self._open = Open(take, start, first, last, best, snapshot=self._context.snapshot(take, start))
        self._row = []
        return self._message(self._open, "new")

    def _end(self, reason: str) -> list[Event]:
        now, self._open, self._row = self._open, None, []
        if now is None:
            return []
        return [self._message(now, "end", max(now.start, utc_from_ns(now.last.frame.wall_ns)), reason)]

    def _message(self, now: Open, life: LifeWord, end: datetime | None = None, reason: str = "") -> Event:
        at = now.last
        return Event(
            id=now.id,
            life=life,
            kind=self._rules.kind,
            camera=self.camera,
            label=now.first.label,
            confidence=now.best,
            start=now.start,
            t=utc_from_ns(at.frame.wall_ns),
            end=end,
            start_pts_ns=now.first.frame.pts_ns,
            pts_ns=at.frame.pts_ns,
            frame_number=max(0, at.frame.seq),
            box=at.box,
            frame_size=(at.frame.planes.width, at.frame.planes.height),
            zones=[self._rules.gate] if self._rules.gate else [],
            entered=[self._rules.gate] if self._rules.gate else [],
            model=at.model,
            snapshot=now.snapshot,
            data={"reason": reason} if reason else {},
        )

    def _active(self, scene: Scene) -> Active | None:
        found = scene.detections
        rows = np.flatnonzero(of_labels(scene, self._rules.labels) & self._within(scene))
        if not len(rows):
            return None
        row = int(rows[np.argmax(found.confidence[rows])])
        class_id = int(found.class_id[row])
        label = scene.labels[class_id] if 0 <= class_id < len(scene.labels) else f"class {class_id}"
        x1, y1, x2, y2 = (round(float(v), 2) for v in found.xyxy[row])
        confidence = min(1.0, max(0.0, round(float(found.confidence[row]), 4)))
        return Active(scene.frame, (x1, y1, x2, y2), confidence, label, scene.model)

    def _within(self, scene: Scene) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        found, planes, zone = scene.detections, scene.frame.planes, self._zone
        if zone is None or not len(found):
            return np.ones(len(found), bool)
        boxes = found.xyxy.astype(np.float64) / np.array([planes.width, planes.height] * 2, np.float64)
        y = boxes[:, 3] if zone.anchor == "bottom" else (boxes[:, 1] + boxes[:, 3]) / 2
        return inside(zone.points, np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, y], axis=1))
