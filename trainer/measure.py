"""A bundle measured as the box would run it: its answers on frames, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trainer.evaluate import Answers, Point, Truth, average_precision, mean_precision, point
from vision.detector import Detector
from vision.planes import BgrPlanes
from vision.types import Image

FLOOR = 0.02  # confidence below which answers change no figure
RUNS, WARM_UP = 30, 3


@dataclass(frozen=True)
class Figures:
    frames: int
    wanted: int
    ap50: float
    ap: float
    point: Point

    def rounded(self) -> dict[str, float | int]:
        """For bundle.json and the card."""
        numbers = {"ap50": self.ap50, "ap50_95": self.ap, "precision": self.point.precision, "recall": self.point.recall}
        return {"frames": self.frames, "persons": self.wanted, **{name: round(value, 3) for name, value in numbers.items()}}


def answers(detector: Detector, images: Mapping[int, Image]) -> dict[int, Answers]:
    """One class; the detector must let answers of FLOOR through."""
    result = {}
    for index, image in images.items():
        found = detector.detect(BgrPlanes(image))
        result[index] = Answers(found.xyxy, found.confidence)
    return result


def figures(truths: Mapping[int, Truth], said: Mapping[int, Answers], confidence: float) -> Figures:
    wanted = [truths[i] for i in sorted(truths)]
    given = [said[i] for i in sorted(truths)]
    people = sum(len(truth.boxes) for truth in wanted)
    return Figures(len(wanted), people, average_precision(wanted, given), mean_precision(wanted, given), point(wanted, given, confidence))


def cpu_ms(detector: Detector, image: Image) -> float:
    """The median of preparation, network and head together, milliseconds of CPU: others on the machine do not count."""
    spent_ms = []
    for _ in range(RUNS + WARM_UP):
        planes = BgrPlanes(image)
        began = time.process_time()
        detector.detect(planes)
        spent_ms.append((time.process_time() - began) * 1000)
    return float(np.median(spent_ms[WARM_UP:]))
