"""Zones: in which of its camera's polygons each box is, with inertia, so that a box on the edge does not come and go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from contracts.event import Event
from device.pipeline.context import Context
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from device.pipeline.zone import Zone, inside
from device.stages.analysed import AnalysedTime, longest_step_ns
from vision.types import Scene

FORGOTTEN_NS = 60_000_000_000  # analysed time after which an unseen track's standing is given up; trackers give up long before


class Zones:
    """Adds `data["zones"]`, a tuple of names for each box. A track is in a zone after `inertia` looks in a row inside, and out at the
    first look outside. A box without a track has no looks before, so it is only in zones whose inertia is 1.
    """

    class Options(Strict):
        """None: the zones are the cameras'."""

    def __init__(self, options: Options, context: Context) -> None:
        self._context = context
        self._views: dict[str, _View] = {}

    def __call__(self, scene: Scene) -> Scene:
        camera, found = scene.frame.camera, scene.detections
        view = self._views.get(camera)
        if view is None:
            about = self._context.cameras[camera]
            view = self._views[camera] = _View(about.zones, longest_step_ns(about.detection_fps))
        return replace(scene, detections=found.with_data(zones=view.look(scene)))

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        self._views.pop(end.camera, None)
        return ()


class _View:
    """One camera's zones, and how often in a row each track was inside each."""

    def __init__(self, zones: Mapping[str, Zone], step_ns: int) -> None:
        self._zones, self._time = zones, AnalysedTime(step_ns)
        self._inside: dict[int, dict[str, int]] = {}
        self._seen_ns: dict[int, int] = {}

    def look(self, scene: Scene) -> NDArray[np.object_]:
        found = scene.detections
        now_ns = self._time.advance(scene.frame.pts_ns, found.status == "ok")
        names: NDArray[np.object_] = np.empty(len(found), object)
        if not len(found) or not self._zones:
            names[:] = [()] * len(found)
            return names
        raw = self._raw(scene)
        tracks = found.data.get("track", np.full(len(found), -1)).tolist()
        for row, track in enumerate(tracks):
            names[row] = self._standing(track, {name: bool(column[row]) for name, column in raw.items()}, now_ns)
        self._give_up(now_ns)
        return names

    def _raw(self, scene: Scene) -> dict[str, NDArray[np.bool_]]:
        """For each zone, whose anchor is in it and whose class counts."""
        found, planes = scene.detections, scene.frame.planes
        boxes = found.xyxy.astype(np.float64) / np.array([planes.width, planes.height] * 2, np.float64)
        labels = np.array([scene.labels[c] if 0 <= c < len(scene.labels) else "" for c in found.class_id.tolist()], object)
        raw = {}
        for name, zone in self._zones.items():
            y = boxes[:, 3] if zone.anchor == "bottom" else (boxes[:, 1] + boxes[:, 3]) / 2
            raw[name] = inside(zone.points, np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, y], axis=1))
            if zone.labels is not None:
                raw[name] &= np.isin(labels, zone.labels)
        return raw

    def _standing(self, track: int, raw: Mapping[str, bool], now_ns: int) -> tuple[str, ...]:
        before = self._inside.get(track, {}) if track >= 0 else {}
        counts = {name: before.get(name, 0) + 1 for name, is_in in raw.items() if is_in}
        if track >= 0:
            self._inside[track], self._seen_ns[track] = counts, now_ns
        return tuple(name for name, count in counts.items() if count >= self._zones[name].inertia)

    def _give_up(self, now_ns: int) -> None:
        gone = [track for track, seen_ns in self._seen_ns.items() if now_ns - seen_ns > FORGOTTEN_NS]
        for track in gone:
            del self._inside[track], self._seen_ns[track]
