"""Doubts: which scenes are worth a person's look: where the model was unsure, lost something, or the world says that it is wrong.

Decided by what is seen and never by chance: chance comes later, so that the probability of each picture is known.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from dataset.phash import distance, phash
from device.export.export_options import ExportOptions
from device.pipeline.doubts import DISAGREEMENT, REFUSED_TRANSITION, UNREAD_TEXT, doubts_of
from vision.types import Scene

LOW_CONFIDENCE, TRACK_GAP = "low_confidence", "track_gap"
# how much more often than unsure boxes these show a fault of the model
WEIGHTS = {LOW_CONFIDENCE: 1.0, TRACK_GAP: 3.0, UNREAD_TEXT: 2.0, REFUSED_TRANSITION: 3.0, DISAGREEMENT: 3.0}
LOOKED_LIKE = 256  # pictures of each camera that are remembered
SMALL_PX = 256
LEAST = 0.1  # weight of a box at the edge of the band
Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Doubt:
    """`reason` is the gravest; `weight` that of all together."""

    reason: str
    weight: float


@dataclass(slots=True)
class _Followed:
    """A track that was in the scene before: where, where it was going, and how often it was seen."""

    xyxy: Corners
    speed: tuple[float, float]  # px/s
    looks: int


@dataclass(slots=True)
class _View:
    """One camera."""

    followed: dict[int, _Followed] = field(default_factory=dict)
    pts_ns: int = 0
    told_ns: dict[str, int] = field(default_factory=dict)
    seen: deque[int] = field(default_factory=lambda: deque(maxlen=LOOKED_LIKE))


class Doubts:
    """Fed every scene in order; one thread's."""

    def __init__(self, options: ExportOptions) -> None:
        self._options, self._review = options, options.review
        self._views: defaultdict[str, _View] = defaultdict(_View)

    def of(self, scene: Scene) -> Doubt | None:
        """None: nothing, or nothing new. A scene without an answer is not looked at."""
        if scene.detections.status != "ok":
            return None
        view = self._views[scene.frame.camera]
        found = {reason: weight for reason, weight in self._reasons(scene, view) if self._is_due(view, reason, scene.frame.pts_ns)}
        view.pts_ns = scene.frame.pts_ns
        if not found or self._looks_known(scene, view):
            return None
        view.told_ns.update(dict.fromkeys(found, scene.frame.pts_ns))
        return Doubt(max(found, key=lambda reason: (found[reason], reason)), sum(found.values()))

    def _reasons(self, scene: Scene, view: _View) -> Iterator[tuple[str, float]]:
        for reason in doubts_of(scene):
            if reason in WEIGHTS:
                yield reason, WEIGHTS[reason]
        if self._lost(scene, view):
            yield TRACK_GAP, WEIGHTS[TRACK_GAP]
        low, high = self._options.uncertain
        between = scene.detections.confidence[(scene.detections.confidence >= low) & (scene.detections.confidence <= high)]
        if len(between):
            off = float(np.abs(between - (low + high) / 2).min()) / max(1e-6, (high - low) / 2)
            yield LOW_CONFIDENCE, WEIGHTS[LOW_CONFIDENCE] * max(LEAST, 1 - off)

    def _lost(self, scene: Scene, view: _View) -> bool:
        """Whether something that was followed is not there, though it was not about to leave: found again later or not."""
        before, elapsed_s = view.followed, max(0, scene.frame.pts_ns - view.pts_ns) / 1e9
        view.followed = {}
        for track, now in _tracks(scene):
            known = before.pop(track, None)
            now.looks += known.looks if known else 0
            view.followed[track] = now
        size = scene.frame.planes.width, scene.frame.planes.height
        gone = [each for each in before.values() if each.looks >= self._review.least_looks]
        return any(self._was_inside(each, elapsed_s, size) for each in gone)

    def _was_inside(self, each: _Followed, elapsed_s: float, size: tuple[int, int]) -> bool:
        """Where it was, and where it would be now."""
        x, y = each.speed[0] * elapsed_s, each.speed[1] * elapsed_s
        x1, y1, x2, y2 = each.xyxy
        across, down = self._review.edge * size[0], self._review.edge * size[1]
        left, top, right, bottom = min(x1, x1 + x), min(y1, y1 + y), max(x2, x2 + x), max(y2, y2 + y)
        return left > across and top > down and right < size[0] - across and bottom < size[1] - down

    def _is_due(self, view: _View, reason: str, pts_ns: int) -> bool:
        told_ns = view.told_ns.get(reason)
        return told_ns is None or not 0 <= pts_ns - told_ns < self._review.apart_s * 1e9

    def _looks_known(self, scene: Scene, view: _View) -> bool:
        """Whether a picture with a doubt looked so before, kept or not: what was kept is chance, and must decide nothing."""
        small = scene.frame.planes.luma(SMALL_PX)
        value = phash(np.asarray(cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_GRAY2BGR), np.uint8))
        if any(distance(value, other) <= self._review.near_duplicate_bits for other in view.seen):
            return True
        view.seen.append(value)
        return False


def _tracks(scene: Scene) -> Iterator[tuple[int, _Followed]]:
    tracks, speeds = scene.detections.data.get("track"), scene.detections.data.get("velocity")
    if tracks is None:
        return
    for row, number in enumerate(tracks.tolist()):
        if number >= 0:
            x1, y1, x2, y2 = map(float, scene.detections.xyxy[row])
            speed = (float(speeds[row][0]), float(speeds[row][1])) if speeds is not None else (0.0, 0.0)
            yield int(number), _Followed((x1, y1, x2, y2), speed, 1)
