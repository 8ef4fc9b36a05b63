"""Counts: how many of a class were seen in a picture against how many are there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.judge.ground import Bools, Doubles, Ground
from trainer.judge.matching import Column


@dataclass(frozen=True, eq=False)
class Counts:
    """By picture. `judged`: pictures of which the true count is known; `off` is what was seen less what is there."""

    judged: Bools
    off: Doubles

    @property
    def mean_error(self) -> float:
        """Mean absolute error: faults in both directions add up."""
        return _mean(np.abs(self.off[self.judged]))

    @property
    def bias(self) -> float:
        """Signed: above 0 it sees too many. Beside the mean error, because faults in both directions cancel here."""
        return _mean(self.off[self.judged])

    @property
    def exact(self) -> float:
        return _mean((self.off[self.judged] == 0).astype(np.float64))


def counts(ground: Ground, each: Column, kind: int, confidence: float) -> Counts:
    """At the operating point; what lies in a region of doubt is counted on neither side."""
    shown = (each.confidence >= confidence) & ~each.ignored[0]
    seen = np.bincount(each.case[shown], minlength=len(ground.cases))
    known = [case.is_exhaustive(kind) and not (case.crowd & (case.kinds == kind)).any() for case in ground.cases]
    return Counts(np.array(known, bool), (seen - each.wanted).astype(np.float64))


def _mean(values: Doubles) -> float:
    return float(values.mean()) if len(values) else float("nan")
