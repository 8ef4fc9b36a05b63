"""From a teacher's doubtful boxes to labels: what moves, lasts and is agreed on is a person, the rest is not judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.boxes import Floats, covered, empty, iou

SURE = 0.48  # confidence a box needs to stand alone
VOTES = 2  # tiles that must have seen it
MOVED = 22  # grey levels by which a pixel differs from the empty scene
FILLED = 0.12  # part of a box that must differ from the empty scene
SAME = 0.3  # IoU of one person in two labelled frames
INSIDE = 0.6  # part of a doubtful box within a sure one: an arm, not another person




@dataclass(frozen=True)
class Sighting:
    """What the teacher said about one frame: xyxy pixels, confidence, how many tiles agreed."""

    boxes: Floats
    confidence: NDArray[np.float32]
    votes: NDArray[np.int32]


@dataclass(frozen=True)
class Label:
    """Persons of a frame, and areas where there may be one (xyxy pixels)."""

    boxes: Floats
    ignored: Floats


def empty_scene(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The median over time: whoever walks is not in it."""
    return np.asarray(np.median(np.stack(frames), axis=0), np.uint8)


def moved(frame: NDArray[np.uint8], scene: NDArray[np.uint8], boxes: Floats) -> NDArray[np.float32]:
    """The part of each box that differs from the empty scene."""
    different = cv2.absdiff(frame, scene).max(axis=2) > MOVED
    parts = [different[int(y1) : int(y2) + 1, int(x1) : int(x2) + 1].mean() for x1, y1, x2, y2 in np.clip(boxes, 0, None)]
    return np.asarray(parts, np.float32)


def labels(sightings: Mapping[int, Sighting], filled: Mapping[int, NDArray[np.float32]]) -> dict[int, Label]:
    """`filled` is what `moved` gave for the same boxes; frames are in the order of time, a fixed step apart."""
    order = sorted(sightings)
    sure = {i: _sure(sightings[i], filled[i]) for i in order}
    result = {}
    for before, now, after in zip([None, *order[:-1]], order, [*order[1:], None], strict=True):
        past = empty() if before is None else sightings[before].boxes[sure[before]]
        future = empty() if after is None else sightings[after].boxes[sure[after]]
        result[now] = _label(sightings[now], filled[now], sure[now], past, future)
    return result


def _sure(seen: Sighting, filled: NDArray[np.float32]) -> NDArray[np.bool_]:
    return (seen.confidence >= SURE) & (seen.votes >= VOTES) & (filled >= FILLED)


def _label(seen: Sighting, filled: NDArray[np.float32], sure: NDArray[np.bool_], past: Floats, future: Floats) -> Label:
    kept = sure | (_meets(seen.boxes, past) & _meets(seen.boxes, future) & (filled >= FILLED))
    kept &= ~_within(seen, kept)
    boxes = seen.boxes[kept]
    boxes = np.concatenate([boxes, _between(past, future, boxes)])
    doubtful = seen.boxes[~kept & (filled >= FILLED)]
    if len(boxes) and len(doubtful):
        doubtful = doubtful[covered(doubtful, boxes).max(axis=1) < INSIDE]
    return Label(boxes.astype(np.float32), doubtful)


def _meets(boxes: Floats, others: Floats) -> NDArray[np.bool_]:
    if not len(others):
        return np.zeros(len(boxes), bool)
    return np.asarray(iou(boxes, others).max(axis=1) >= SAME, bool)


def _within(seen: Sighting, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Kept boxes that lie in a kept box of clearly more confidence."""
    inside = covered(seen.boxes, seen.boxes) > 0.8
    stronger = seen.confidence[None, :] > seen.confidence[:, None] + 0.08
    return np.asarray((inside & stronger & kept[None, :]).any(axis=1), bool)


def _between(past: Floats, future: Floats, now: Floats) -> Floats:
    """Who was there before and is there after was there: halfway, where nothing was said."""
    if not len(past) or not len(future):
        return empty()
    match = iou(past, future)
    best = match.argmax(axis=1)
    pairs = [(i, int(j)) for i, j in enumerate(best) if match[i, j] >= SAME and match[:, j].argmax() == i]
    middle = np.array([(past[i] + future[j]) / 2 for i, j in pairs], np.float32).reshape(-1, 4)
    if not len(middle) or not len(now):
        return middle
    return np.asarray(middle[iou(middle, now).max(axis=1) < 0.4])
