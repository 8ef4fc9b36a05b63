"""Evaluator: who counts average precision as COCO defines it, behind one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.judge.ground import Answers, Ground

NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large")
ALL, SMALL, MEDIUM, LARGE = range(4)  # ranges of area
ONE, TEN, HUNDRED = range(3)  # answers that count in a picture


@dataclass(frozen=True)
class Scores:
    """The twelve figures of COCO over all classes, and for each class; NaN where there was nothing to find."""

    overall: Mapping[str, float]
    classes: Mapping[str, Mapping[str, float]]


class Evaluator(Protocol):
    """COCO's rules (Lin and others 2014, https://cocodataset.org/#detection-eval): IoU 0.50 to 0.95, 101 points of recall, 100 answers."""

    def evaluate(self, ground: Ground, answers: Answers) -> Scores: ...


def scores(precision: NDArray[np.float64], recall: NDArray[np.float64], classes: tuple[str, ...]) -> Scores:
    """Out of COCO's arrays: precision (IoU, recall, class, area, most), recall (IoU, class, area, most); -1: nothing was to be found."""
    each = {name: _figures(precision[:, :, [k]], recall[:, [k]]) for k, name in enumerate(classes)}
    return Scores(_figures(precision, recall), each)


def _figures(p: NDArray[np.float64], r: NDArray[np.float64]) -> dict[str, float]:
    parts = [
        p[:, :, :, ALL, HUNDRED],
        p[0, :, :, ALL, HUNDRED],
        p[5, :, :, ALL, HUNDRED],
        *(p[:, :, :, area, HUNDRED] for area in (SMALL, MEDIUM, LARGE)),
        *(r[:, :, ALL, most] for most in (ONE, TEN, HUNDRED)),
        *(r[:, :, area, HUNDRED] for area in (SMALL, MEDIUM, LARGE)),
    ]
    return {name: _mean(part) for name, part in zip(NAMES, parts, strict=True)}


def _mean(part: NDArray[np.float64]) -> float:
    known = part[part > -1]
    return float(known.mean()) if known.size else float("nan")
