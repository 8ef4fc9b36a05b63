"""Estimates: how precise a model was in the field and how much it found, out of pictures that were chosen unevenly and labelled in part.

Each picture stands for 1/p pictures like it, p being the probability with which it was kept, times that with which its turn came
(Horvitz and Thompson, J. Am. Stat. Assoc. 47, 1952); a share is the ratio of two such sums (Hajek 1971), which needs no count of all
pictures. Pictures of one recording are alike, so bounds come of resampling whole recordings, widened for few of them, and for shares
near 0 and 1 of Wilson's interval at the effective number of trials (trainer/gates/bounds.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.gates.bounds import Interval, draws, effective_trials, interval, wilson, worse_of
from trainer.judge.ground import Doubles

RESAMPLES = 1000
SEED = 5
CONFIDENCE = 0.95  # of each bound by itself


@dataclass(frozen=True)
class Looked:
    """A picture that was looked at: what it stands for, and in which turn. Counts are of one class, at the operating point."""

    weight: float  # pictures it was kept for: the sum of 1/probability
    value: float  # its turn is value / a number from 0 to 1
    turn: float
    recording: str
    right: int = 0
    wrong: int = 0
    missed: int = 0


def in_turn(looked: Sequence[Looked], first_waiting: float) -> list[tuple[Looked, float]]:
    """Those whose turn came before the first that waits, each with what it stands for now. Who was looked at out of turn says nothing."""
    chosen = [each for each in looked if each.turn > first_waiting]
    return [(each, each.weight / min(1.0, each.value / first_waiting) if first_waiting > 0 else each.weight) for each in chosen]


@dataclass(frozen=True)
class Share:
    """NaN: nothing to count it of, or no bound from so few recordings."""

    interval: Interval
    trials: int  # boxes that were counted
    naive: float  # as if every picture stood for one


def share(hits: Doubles, trials: Doubles, weights: Doubles, recordings: Sequence[str], confidence: float = CONFIDENCE) -> Share:
    """Of `trials` in each picture so many `hits`."""
    count = float(trials.sum())
    naive = float(hits.sum()) / count if count else math.nan
    used = trials > 0
    if not used.any():
        return Share(Interval(math.nan, math.nan, math.nan), 0, naive)
    names, of = np.unique(np.asarray(recordings)[used], return_inverse=True)
    top = np.bincount(of, (weights * hits)[used], len(names))
    bottom = np.bincount(of, (weights * trials)[used], len(names))
    estimate = float(top.sum() / bottom.sum())
    if len(names) < 2:
        return Share(Interval(estimate, math.nan, math.nan), int(count), naive)
    often = draws(len(names), RESAMPLES, SEED)
    resampled = np.asarray((often @ top) / (often @ bottom))
    found = interval(estimate, resampled, len(names), confidence)
    boxes = np.repeat(weights[used], trials[used].astype(np.int64))
    independent = float(boxes.sum() ** 2 / np.square(boxes).sum())  # Kish 1965: uneven weights count for less
    effective = effective_trials(estimate, resampled, independent, len(names), confidence)
    effective = min(effective, independent, float(len(names)) if not 0 < estimate < 1 else math.inf)
    return Share(worse_of(found, *wilson(estimate * effective, effective, confidence)), int(count), naive)


@dataclass(frozen=True)
class ClassEstimate:
    """`pictures` that were looked at in turn and are complete for the class; of so many `recordings`."""

    precision: Share
    recall: Share
    pictures: int
    recordings: int
    stands_for: float  # pictures


def estimate(looked: Sequence[Looked], first_waiting: float, confidence: float = CONFIDENCE) -> ClassEstimate:
    chosen = in_turn(looked, first_waiting)
    weights = np.array([weight for _, weight in chosen], np.float64)
    right, wrong, missed = (np.array([getattr(each, name) for each, _ in chosen], np.float64) for name in ("right", "wrong", "missed"))
    recordings = [each.recording for each, _ in chosen]
    return ClassEstimate(
        share(right, right + wrong, weights, recordings, confidence),
        share(right, right + missed, weights, recordings, confidence),
        len(chosen), len(set(recordings)), float(weights.sum()),
    )  # fmt: skip
