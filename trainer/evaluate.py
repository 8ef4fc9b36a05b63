"""Average precision as COCO counts it (101 points of recall), and precision and recall at one confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.boxes import Floats, covered, iou

LEVELS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))  # the IoU levels of COCO's AP
MOST = 100  # answers of a picture that count
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """One class of one picture: persons and areas that are not judged (COCO's crowd), xyxy."""

    boxes: Floats
    ignored: Floats


@dataclass(frozen=True)
class Answers:
    boxes: Floats
    confidence: NDArray[np.float32]


@dataclass(frozen=True)
class Point:
    """What an owner sees at one confidence and IoU 0.5."""

    confidence: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


@dataclass(frozen=True)
class Matched:
    """All answers of all pictures, best first: right, or not judged; and how many there were to find."""

    confidence: Doubles
    right: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    wanted: int


def matched(truths: Sequence[Truth], answers: Sequence[Answers], level: float = 0.5) -> Matched:
    """Each person belongs to the first answer that fits it best, in the order of confidence."""
    columns = [_picture(truth, answer, level) for truth, answer in zip(truths, answers, strict=True)]
    confidence = np.concatenate([c[0] for c in columns]) if columns else np.zeros(0)
    right = np.concatenate([c[1] for c in columns]) if columns else np.zeros(0, bool)
    ignored = np.concatenate([c[2] for c in columns]) if columns else np.zeros(0, bool)
    order = np.argsort(-confidence, kind="mergesort")
    return Matched(confidence[order], right[order], ignored[order], sum(len(t.boxes) for t in truths))


def _picture(truth: Truth, answer: Answers, level: float) -> tuple[Doubles, NDArray[np.bool_], NDArray[np.bool_]]:
    order = np.argsort(-answer.confidence, kind="mergesort")[:MOST]
    boxes = answer.boxes[order]
    overlap = iou(boxes, truth.boxes)
    in_doubt = covered(boxes, truth.ignored).max(axis=1) >= level if len(truth.ignored) else np.zeros(len(boxes), bool)
    taken = np.zeros(len(truth.boxes), bool)
    right = np.zeros(len(boxes), bool)
    for i, row in enumerate(overlap):
        free = np.where(taken, -1.0, row)
        best = len(free) - 1 - int(free[::-1].argmax()) if len(free) else -1  # of equals COCO takes the last
        if best >= 0 and free[best] >= min(level, 1 - 1e-10):
            taken[best] = right[i] = True
    return answer.confidence[order].astype(np.float64), right, in_doubt & ~right


def average_precision(truths: Sequence[Truth], answers: Sequence[Answers], level: float = 0.5) -> float:
    """Area under precision over recall; NaN where there was nothing to find."""
    found = matched(truths, answers, level)
    if not found.wanted:
        return float("nan")
    judged = ~found.ignored
    hits = np.cumsum(found.right[judged])
    recall = hits / found.wanted
    precision = hits / (np.arange(len(hits)) + 1 + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0.0, 1.0, 101), side="left")
    return float(np.append(envelope, 0.0)[np.minimum(at, len(envelope))].mean())


def mean_precision(truths: Sequence[Truth], answers: Sequence[Answers]) -> float:
    """COCO's AP: the mean over IoU 0.50, 0.55, ... 0.95."""
    return float(np.mean([average_precision(truths, answers, level) for level in LEVELS]))


def point(truths: Sequence[Truth], answers: Sequence[Answers], confidence: float, level: float = 0.5) -> Point:
    found = matched(truths, answers, level)
    shown = (found.confidence >= confidence) & ~found.ignored
    right = int((found.right & shown).sum())
    return Point(confidence, right / max(int(shown.sum()), 1), right / max(found.wanted, 1))


def best_point(truths: Sequence[Truth], answers: Sequence[Answers]) -> Point:
    """The confidence, in steps of 0.01, with the highest F1."""
    points = [point(truths, answers, step / 100) for step in range(10, 90)]
    return max(points, key=lambda p: p.f1)
