"""Calibration: whether of the answers with confidence 0.8 eight in ten are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.judge.ground import Doubles
from trainer.judge.matching import Column

BINS = 15


@dataclass(frozen=True, eq=False)
class Reliability:
    """Sums by bin of confidence, each bin 1/BINS wide: how many answers, their confidence and how many were right."""

    count: Doubles
    confidence: Doubles
    right: Doubles


def reliability(each: Column, counts: Doubles | None = None) -> Reliability:
    """At IoU 0.5, of the answers that are judged. `counts`: how often each answer counts."""
    weights = np.ones(len(each.confidence)) if counts is None else counts
    weights = weights * ~each.ignored[0]
    at = bins_of(each.confidence)

    def summed(values: Doubles) -> Doubles:
        return np.bincount(at, values, minlength=BINS).astype(np.float64)

    return Reliability(summed(weights), summed(weights * each.confidence), summed(weights * each.right[0]))


def bins_of(confidence: Doubles) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def expected_error(count: Doubles, confidence: Doubles, right: Doubles) -> Doubles:
    """Expected calibration error (Naeini, Cooper, Hauskrecht 2015; Guo and others 2017, https://arxiv.org/abs/1706.04599), of detections
    as in Kueppers and others 2020 (https://arxiv.org/abs/2004.13546): the mean over answers of |share right - mean confidence| of their
    bin. Bins are the last axis. NaN where nothing was answered.
    """
    total = count.sum(axis=-1)
    gap = np.abs(right - confidence).sum(axis=-1)
    return np.asarray(np.divide(gap, total, out=np.full(np.shape(total), np.nan), where=total > 0))
