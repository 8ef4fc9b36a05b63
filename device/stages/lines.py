"""Lines: who crosses which of its camera's lines, which way, and how many have; one event a crossing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from pydantic import Field

from contracts.errors import ConfigError
from contracts.event import Event
from device.pipeline.context import Context
from device.pipeline.line import Line
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from device.stages.analysed import AnalysedTime, longest_step_ns
from device.stages.crossing import Path, Step
from device.stages.moment import moment, when_of
from vision.types import Scene

FORGOTTEN_NS = 60_000_000_000  # analysed time after which an unseen track's path is given up; trackers give up long before


class Lines:
    """A track has crossed when it was further than `margin` on one side, is further than that on the other, and went through the
    line itself and not around an end of it. The event has time, frame and box of the first sample beyond the line. Whoever stands on
    the line, sways over it, or turns around on it, has not crossed. Between two samples a track is taken to have gone straight.
    """

    class Options(Strict):
        """The lines are the cameras'."""

        kind: str = Field(default="crossed", pattern=r"^[a-z][a-z0-9_]{0,63}$", description="the kind of the events")

        def gives(self) -> frozenset[str] | None:
            return frozenset({self.kind})

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._context = options, context
        self._views: dict[str, _View] = {}

    def __call__(self, scene: Scene) -> Scene:
        camera = scene.frame.camera
        view = self._views.get(camera)
        if view is None:
            view = self._views[camera] = _View(self._options.kind, self._context, camera)
        events = view.look(scene)
        return replace(scene, events=scene.events + events) if events else scene

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        """Paths are forgotten, and counts begin anew."""
        self._views.pop(end.camera, None)
        return ()


class _View:
    """One camera's lines, where each track has been beside them, and the counts."""

    def __init__(self, kind: str, context: Context, camera: str) -> None:
        self._kind, self._context = kind, context
        self._lines: Mapping[str, Line] = context.cameras[camera].lines
        self._time = AnalysedTime(longest_step_ns(context.cameras[camera].detection_fps))
        self._paths: dict[tuple[str, int], Path] = {}
        self._seen_ns: dict[int, int] = {}
        self._counts = {name: {"in": 0, "out": 0} for name in self._lines}

    def look(self, scene: Scene) -> tuple[Event, ...]:
        found = scene.detections
        now_ns = self._time.advance(scene.frame.pts_ns, found.status == "ok")
        if not self._lines or not len(found) or found.status != "ok":
            return ()
        if "track" not in found.data:
            raise ConfigError("lines: boxes come without tracks; put a `track` stage before `lines` in the pipeline")
        events: list[Event] = []
        for row in _rows(scene):
            track = int(found.data["track"][row])
            self._seen_ns[track] = now_ns
            for name, line in self._lines.items():
                events += self._cross(name, line, track, _step(scene, row, line))
        self._give_up(now_ns)
        return tuple(events)

    def _cross(self, name: str, line: Line, track: int, step: Step) -> tuple[Event, ...]:
        crossing = self._paths.setdefault((name, track), Path(line)).go(step)
        if crossing is None or (line.labels is not None and step.label not in line.labels):
            return ()
        direction, at = crossing
        counts = self._counts[name]
        counts[direction] += 1
        return moment(
            self._context,
            at.when,
            self._kind,
            f"{name}|{direction}|{track}",
            {"line": name, "direction": direction, **counts},
            label=step.label,
            confidence=at.confidence,
            box=at.box,
            track=track,
        )

    def _give_up(self, now_ns: int) -> None:
        gone = {track for track, seen_ns in self._seen_ns.items() if now_ns - seen_ns > FORGOTTEN_NS}
        if gone:
            self._seen_ns = {track: seen_ns for track, seen_ns in self._seen_ns.items() if track not in gone}
            self._paths = {key: path for key, path in self._paths.items() if key[1] not in gone}


def _rows(scene: Scene) -> list[int]:
    """One for each track, in order of their numbers: of two boxes of one track the more confident."""
    found = scene.detections
    tracks = found.data["track"]
    best: dict[int, int] = {}
    for row in np.lexsort((*found.xyxy.T[::-1], -found.confidence)).tolist():
        if tracks[row] >= 0:
            best.setdefault(int(tracks[row]), row)
    return [best[track] for track in sorted(best)]


def _step(scene: Scene, row: int, line: Line) -> Step:
    found, planes = scene.detections, scene.frame.planes
    x1, y1, x2, y2 = (round(float(v), 2) for v in found.xyxy[row])
    y = y2 if line.anchor == "bottom" else (y1 + y2) / 2
    number = int(found.class_id[row])
    label = scene.labels[number] if 0 <= number < len(scene.labels) else f"class {number}"
    confidence = min(1.0, max(0.0, round(float(found.confidence[row]), 4)))
    width, height = max(1, planes.width), max(1, planes.height)
    at = ((x1 + x2) / 2 / width, y / height)
    return Step(at, width / height, label, confidence, (x1, y1, x2, y2), when_of(scene))
