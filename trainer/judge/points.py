"""Operating points: the confidence above which answers of a class are shown, chosen on validation pictures and then frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from contracts.errors import ConfigError
from trainer.judge.ground import Answers, Doubles, Ground
from trainer.judge.matching import Column, column

NEVER = 1.0  # of a class of which nothing could be chosen: shown only when the model is certain
_BEST = re.compile(r"f(?P<beta>\d+(?:\.\d+)?)$")
_PRECISION = re.compile(r"precision=(?P<floor>0?\.\d+|1(?:\.0*)?)$")


@dataclass(frozen=True)
class Choice:
    """Best F-beta (van Rijsbergen 1979: recall counts beta times as much), or the most recall at a precision asked for."""

    beta: float = 1.0
    precision: float | None = None


@dataclass(frozen=True)
class Point:
    """What is seen at one confidence and IoU 0.5. NaN where there is nothing to divide by."""

    confidence: float
    precision: float
    recall: float


def parse_choice(text: str) -> Choice:
    """`f1`, `f2`, `f0.5`, `precision=0.95`."""
    if best := _BEST.match(text):
        if 0.01 <= float(best["beta"]) <= 100:
            return Choice(beta=float(best["beta"]))
    elif (asked := _PRECISION.match(text)) and 0 < float(asked["floor"]) <= 1:
        return Choice(precision=float(asked["floor"]))
    raise ConfigError(f"operating point {text!r}: write f1, f2, f0.5 or precision=0.95")


def choose(ground: Ground, answers: Answers, choice: Choice) -> dict[str, Point]:
    """For each class that there is something of to find; the others have no point, because nothing says where it should lie."""
    columns = {name: column(ground, answers, kind) for kind, name in enumerate(ground.classes)}
    return {name: _chosen(each, choice) for name, each in columns.items() if each.wanted.sum()}


def _chosen(each: Column, choice: Choice) -> Point:
    judged = ~each.ignored[0]
    confidence, hits = each.confidence[judged], np.cumsum(each.right[0][judged])
    last = np.flatnonzero(np.append(np.diff(confidence) < 0, True)) if len(confidence) else np.zeros(0, np.int64)
    if not len(last):
        return Point(NEVER, float("nan"), 0.0)
    recall, precision = hits[last] / each.wanted.sum(), hits[last] / (last + 1)
    value = _value(precision, recall, choice)
    best = int(value.argmax())  # of equals the highest confidence: fewer boxes for the same
    return Point(_between(confidence, int(last[best])), float(precision[best]), float(recall[best]))


def _value(precision: Doubles, recall: Doubles, choice: Choice) -> Doubles:
    if choice.precision is None:
        square = choice.beta**2
        return np.asarray((1 + square) * precision * recall / np.maximum(square * precision + recall, 1e-12))
    reached = precision >= choice.precision
    # none reaches it: the most precise there is, which its own figure then tells
    return np.asarray(np.where(reached, recall, -1.0) if reached.any() else precision)


def _between(confidence: Doubles, last: int) -> float:
    """Halfway to the next answer, so that the last one shown does not hang on a rounding; never rounded above it."""
    shown = float(confidence[last])
    below = float(confidence[last + 1]) if last + 1 < len(confidence) else max(0.0, shown - 0.01)
    middle = round((shown + below) / 2, 6)
    return middle if below < middle <= shown else shown


def point_at(each: Column, confidence: float) -> Point:
    """At a frozen confidence."""
    shown = (each.confidence >= confidence) & ~each.ignored[0]
    hits, wanted = float((each.right[0] & shown).sum()), float(each.wanted.sum())
    nothing = float("nan")
    return Point(confidence, hits / shown.sum() if shown.any() else nothing, hits / wanted if wanted else nothing)


def confidence_of(points: Mapping[str, float], name: str) -> float:
    """ConfigError for a class without a point: a figure "at the operating point" needs one."""
    if name not in points:
        raise ConfigError(f"class {name}: has no operating point; choose it on validation pictures with `evaluate --choose`")
    return points[name]
