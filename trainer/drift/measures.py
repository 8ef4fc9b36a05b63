"""Measures: the hours of one camera as one row of numbers an hour for each thing that is watched; rows add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contracts.drift import AT_LEAST, COUNTS, LEVELS, SCORES, SIZES, VALUES, DriftWindow

Rows = NDArray[np.float64]
Kind = Literal["confidence", "size", "count", "brightness", "sharpness", "picture"]
WIDTHS: Mapping[Kind, int] = {
    "confidence": SCORES, "size": SIZES, "count": COUNTS, "brightness": LEVELS, "sharpness": LEVELS, "picture": 1 + 2 * VALUES,
}  # fmt: skip
OF_MODEL: tuple[Kind, ...] = ("confidence", "size", "count")  # the others are of the camera and the light
# what a bin stands for, so that a mean can be told
MIDDLES: Mapping[Kind, Rows] = {
    "confidence": (np.arange(SCORES) + 0.5) / SCORES,
    "size": 2.0 ** ((np.arange(SIZES) + 0.5 - SIZES) / 2),
    "count": np.array(AT_LEAST, float),
    "brightness": (np.arange(LEVELS) + 0.5) / LEVELS,
    "sharpness": np.arange(LEVELS, dtype=float) + 0.5,
}


@dataclass(frozen=True, slots=True, order=True)
class Measure:
    """`label` empty: of all classes, or of the picture."""

    kind: Kind
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.label}" if self.label else self.kind

    @staticmethod
    def of(name: str) -> Measure:
        kind, _, label = name.partition(":")
        return Measure(kind, label)  # type: ignore[arg-type]  # one of ours


def rows_of(hours: Mapping[int, DriftWindow], first: int, count: int, labels: Iterable[str]) -> dict[Measure, Rows]:
    """From hour `first` on, one row an hour; of an hour that is not there zeros."""
    measures = [Measure("count"), *(Measure(kind, label) for label in sorted(labels) for kind in OF_MODEL)]
    measures += [Measure("brightness"), Measure("sharpness"), Measure("picture")]
    made = {measure: np.zeros((count, WIDTHS[measure.kind])) for measure in measures}
    for hour, window in hours.items():
        if first <= hour < first + count:
            for measure, rows in made.items():
                rows[hour - first] = _row(window, measure)
    return made


def _row(window: DriftWindow, measure: Measure) -> Sequence[float] | Rows:
    seen, of = window.pictures, window.classes.get(measure.label)
    if measure.kind in {"brightness", "sharpness", "picture"}:
        if seen is None:
            return np.zeros(WIDTHS[measure.kind])
        if measure.kind == "picture":
            mean = np.array(seen.mean)
            return np.concatenate([[seen.count], mean * seen.count, (np.array(seen.variance) + mean**2) * seen.count])
        return seen.brightness if measure.kind == "brightness" else seen.sharpness
    if not measure.label:
        return window.counts
    if of is None:  # that nothing was there is a count, and says nothing of confidence
        return [float(window.answered), *[0.0] * (COUNTS - 1)] if measure.kind == "count" else np.zeros(WIDTHS[measure.kind])
    return {"confidence": of.scores, "size": of.sizes, "count": of.counts}[measure.kind]


def weight(rows: Rows, kind: Kind) -> Rows:
    """How many things each row is of."""
    return np.asarray(rows[:, 0] if kind == "picture" else rows.sum(axis=1))


def mean(row: Rows, kind: Kind) -> float | None:
    """What is told of a histogram; None: nothing is in it, or it is a picture."""
    total = float(row.sum())
    return float(row @ MIDDLES[kind]) / total if total and kind != "picture" else None
