"""Measures: a metric as a function of how often each recording counts, so that it can be counted again for every resample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from trainer.judge.answers_file import Contestant
from trainer.judge.calibration import BINS, bins_of, expected_error
from trainer.judge.counts import counts
from trainer.judge.ground import Doubles, Ground, Ints
from trainer.judge.matching import Area, Column, column
from trainer.judge.points import confidence_of
from trainer.judge.precision import average_precision, recall_of

Metric = Literal["ap", "ap50", "ap75", "ar", "recall", "precision", "f1", "count_mae", "count_bias", "ece"]
LOWER_IS_BETTER = frozenset({"count_mae", "ece"})
SHARES = frozenset({"recall", "precision"})
AT_POINT = frozenset({"recall", "precision", "f1", "count_mae", "count_bias"})
LEVELS_OF = {"ap": slice(0, 10), "ap50": slice(0, 1), "ap75": slice(5, 6), "ar": slice(0, 10)}


class Measure(Protocol):
    @property
    def support(self) -> Doubles:
        """Of each recording: how many things, answers or pictures are counted."""

    def __call__(self, weights: Doubles) -> Doubles:
        """`weights`: (resamples, recordings). One figure each, NaN where there was nothing to count."""


@dataclass(frozen=True, eq=False)
class Ratio:
    """Sums over recordings, one through the other."""

    top: Doubles
    bottom: Doubles
    support: Doubles

    def __call__(self, weights: Doubles) -> Doubles:
        below = weights @ self.bottom
        return np.asarray(np.divide(weights @ self.top, below, out=np.full(len(weights), math.nan), where=below > 0))


@dataclass(frozen=True, eq=False)
class Precision:
    """AP, or AR, as the mean over the classes that there is something of in the resample."""

    columns: Sequence[Column]
    recording: Ints  # of each case
    wanted: Doubles  # (classes, recordings)
    metric: str
    support: Doubles

    def __call__(self, weights: Doubles) -> Doubles:
        return np.array([self._one(row) for row in weights])

    def _one(self, weights: Doubles) -> float:
        levels, figures = LEVELS_OF[self.metric], []
        for each, wanted in zip(self.columns, self.wanted @ weights, strict=True):
            if wanted > 0:
                counted = weights[self.recording[each.case]]
                right, ignored = each.right[levels], each.ignored[levels]
                result = recall_of(right, counted, wanted) if self.metric == "ar" else average_precision(right, ignored, counted, wanted)
                figures.append(float(result.mean()))
        return sum(figures) / len(figures) if figures else math.nan


@dataclass(frozen=True, eq=False)
class Calibration:
    """Sums of each recording by bin, (recordings, bins)."""

    count: Doubles
    confidence: Doubles
    right: Doubles
    support: Doubles

    def __call__(self, weights: Doubles) -> Doubles:
        return expected_error(weights @ self.count, weights @ self.confidence, weights @ self.right)


def measure(metric: Metric, ground: Ground, model: Contestant, kinds: Sequence[int], area: Area) -> Measure:
    """Of these classes together. ConfigError for a figure at the operating point of a class that has none."""
    columns = [column(ground, model.answers, kind, area) for kind in kinds]
    places = {name: n for n, name in enumerate(ground.recordings)}
    recording = np.array([places[case.recording] for case in ground.cases], np.int64)
    wanted = np.array([np.bincount(recording, each.wanted, minlength=len(places)) for each in columns]).reshape(len(kinds), len(places))
    if metric in LEVELS_OF:
        return Precision(columns, recording, wanted, metric, wanted.sum(axis=0))
    if metric == "ece":
        return _calibration(columns, recording, len(places))
    points = {kind: confidence_of(model.points, ground.classes[kind]) for kind in kinds}
    if metric in {"count_mae", "count_bias"}:
        return _count(metric, ground, dict(zip(kinds, columns, strict=True)), points, recording)
    return _share(metric, dict(zip(kinds, columns, strict=True)), points, recording, wanted.sum(axis=0))


def _share(metric: str, columns: Mapping[int, Column], points: Mapping[int, float], recording: Ints, wanted: Doubles) -> Ratio:
    hits, shown = np.zeros(len(wanted)), np.zeros(len(wanted))
    for kind, each in columns.items():
        seen = (each.confidence >= points[kind]) & ~each.ignored[0]
        hits += np.bincount(recording[each.case[seen & each.right[0]]], minlength=len(wanted))
        shown += np.bincount(recording[each.case[seen]], minlength=len(wanted))
    if metric == "recall":
        return Ratio(hits, wanted, wanted)
    if metric == "precision":
        return Ratio(hits, shown, shown)
    return Ratio(2 * hits, shown + wanted, wanted)


def _count(metric: str, ground: Ground, columns: Mapping[int, Column], points: Mapping[int, float], recording: Ints) -> Ratio:
    size = len(ground.recordings)
    off, pictures = np.zeros(size), np.zeros(size)
    for kind, each in columns.items():
        counted = counts(ground, each, kind, points[kind])
        values = np.abs(counted.off) if metric == "count_mae" else counted.off
        off += np.bincount(recording[counted.judged], values[counted.judged], minlength=size)
        pictures += np.bincount(recording[counted.judged], minlength=size)
    return Ratio(off, pictures, pictures)


def _calibration(columns: Sequence[Column], recording: Ints, size: int) -> Calibration:
    sums = np.zeros((3, size * BINS))
    for each in columns:
        judged = ~each.ignored[0]
        at = recording[each.case[judged]] * BINS + bins_of(each.confidence[judged])
        for n, values in enumerate((np.ones(len(at)), each.confidence[judged], each.right[0][judged].astype(np.float64))):
            sums[n] += np.bincount(at, values, minlength=size * BINS)
    count, confidence, right = (each.reshape(size, BINS) for each in sums)
    return Calibration(count, confidence, right, count.sum(axis=1))
