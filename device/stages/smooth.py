"""Smooth: a track's boxes and confidence over time, and one class where the detector wavers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contracts.event import Event
from device.pipeline.context import Context
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from vision.types import Detections, Scene

FORGOTTEN_NS = 60_000_000_000  # media time after which an unseen track's past is worth nothing


@dataclass(slots=True)
class Past:
    """What is known of one track: the smoothed box and confidence, the votes for each class, and when it was seen."""

    pts_ns: int
    box: NDArray[np.float64]
    confidence: float
    class_id: int
    votes: dict[int, float] = field(default_factory=dict)


class Smooth:
    """Exponential averages in media time, so that the sampling rate does not matter. A moving box is carried on by its velocity
    first, so that it does not lag. The class changes when another has `label_margin` times the votes. Boxes of no track pass.
    """

    class Options(Strict):
        """How much past counts."""

        tau_ms: float = Field(default=150.0, ge=0, description="time constant of boxes and confidence; 0: as they come")
        label_tau_ms: float = Field(default=2000.0, ge=0, description="time constant of the votes for a class")
        label_margin: float = Field(default=1.5, ge=1, description="how many times the votes of the old class a new one needs")

    def __init__(self, options: Options, context: Context) -> None:
        self._options = options
        self._tracks: dict[str, dict[int, Past]] = {}

    def __call__(self, scene: Scene) -> Scene:
        found = scene.detections
        if not len(found) or "track" not in found.data:
            return scene
        past = self._tracks.setdefault(scene.frame.camera, {})
        smoothed = self._smooth(found, scene.frame.pts_ns, past)
        for track in [t for t, p in past.items() if abs(scene.frame.pts_ns - p.pts_ns) > FORGOTTEN_NS]:
            del past[track]
        return replace(scene, detections=smoothed)

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        self._tracks.pop(end.camera, None)
        return ()

    def _smooth(self, found: Detections, pts_ns: int, past: dict[int, Past]) -> Detections:
        xyxy, confidence, class_id = found.xyxy.copy(), found.confidence.copy(), found.class_id.copy()
        velocity = found.data.get("velocity", np.zeros((len(found), 2)))
        for row, track in enumerate(found.data["track"].tolist()):
            if track < 0:
                continue
            seen = Past(pts_ns, xyxy[row].astype(np.float64), float(confidence[row]), int(class_id[row]))
            seen = self._blend(past.get(track), seen, velocity[row])
            past[track] = seen
            xyxy[row], confidence[row], class_id[row] = seen.box, seen.confidence, seen.class_id
        return Detections(xyxy, confidence, class_id, found.data, found.status)

    def _blend(self, before: Past | None, seen: Past, velocity: NDArray[np.float32]) -> Past:
        if before is None:
            return replace(seen, votes={seen.class_id: seen.confidence})
        dt_ns = max(0, seen.pts_ns - before.pts_ns)
        new = 1 - _kept(dt_ns, self._options.tau_ms)
        carried = before.box + np.tile(velocity.astype(np.float64), 2) * (dt_ns / 1e9)
        votes = {c: v * _kept(dt_ns, self._options.label_tau_ms) for c, v in before.votes.items()}
        votes[seen.class_id] = votes.get(seen.class_id, 0.0) + seen.confidence
        return Past(
            seen.pts_ns,
            carried + new * (seen.box - carried),
            before.confidence + new * (seen.confidence - before.confidence),
            self._elected(before.class_id, votes),
            votes,
        )

    def _elected(self, now: int, votes: dict[int, float]) -> int:
        best = min(votes, key=lambda c: (-votes[c], c))
        return best if votes[best] > self._options.label_margin * votes.get(now, 0.0) else now


def _kept(dt_ns: int, tau_ms: float) -> float:
    """The share of the past that still counts after `dt_ns`."""
    return math.exp(-dt_ns / (tau_ms * 1e6)) if tau_ms > 0 else 0.0
