"""Average precision over COCO's 101 points of recall, of answers that may count any number of times."""

from __future__ import annotations

import numpy as np

from trainer.judge.ground import Bools, Doubles

RECALLS = np.linspace(0.0, 1.0, 101)


def average_precision(right: Bools, ignored: Bools, weights: Doubles, wanted: float) -> Doubles:
    """For each level; `right` and `ignored` are (levels, answers), best answer first. NaN where nothing was to be found.

    `weights`: how often each answer counts. With ones it is COCO's own figure; with the counts of a bootstrap, that of the resample.
    """
    if wanted <= 0:
        return np.full(len(right), np.nan)
    alike = np.cumsum(weights) if not ignored.any() else None
    result = np.zeros(len(right))
    for level in range(len(right)):
        # precision falls between two right answers, so its envelope and every step of recall lie on right ones
        at = np.flatnonzero(right[level])
        shown = alike if alike is not None else np.cumsum(weights * ~ignored[level])
        hits = np.cumsum(weights[at])
        precision = hits / (shown[at] + np.spacing(1))
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        steps = np.searchsorted(hits / wanted, RECALLS, side="left")
        result[level] = envelope[steps[steps < len(at)]].sum() / len(RECALLS)
    return result


def recall_of(right: Bools, weights: Doubles, wanted: float) -> Doubles:
    """How much was found at all, for each level."""
    if wanted <= 0:
        return np.full(len(right), np.nan)
    return np.asarray(right @ weights / wanted)
