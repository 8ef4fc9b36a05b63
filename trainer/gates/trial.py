"""Trial: a ground, the models on it, and their figures with bounds, each counted once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.errors import ConfigError
from trainer.gates.bounds import Interval, draws, effective_trials, interval, wilson, worse_of
from trainer.gates.measures import AT_POINT, LOWER_IS_BETTER, SHARES, Measure, Metric, Ratio, measure
from trainer.gates.rules import Gates, Measured
from trainer.judge.answers_file import Contestant
from trainer.judge.ground import Doubles, Ground, paired
from trainer.judge.matching import ANY, SIZES, Area
from trainer.judge.slices import values, within

CANDIDATE = "candidate"
Key = tuple[str, str, tuple[int, ...], str]


@dataclass(frozen=True, eq=False)
class Part:
    """A slice of the ground; `name` is empty for the whole."""

    name: str
    ground: Ground
    area: Area
    weights: Doubles


@dataclass(frozen=True, eq=False)
class Figure:
    """One metric of one model: as it is, and in every resample."""

    estimate: float
    resampled: Doubles
    support: Doubles
    measure: Measure

    @property
    def recordings(self) -> int:
        return int((self.support > 0).sum())

    @property
    def objects(self) -> int:
        return int(self.support.sum())


class Trial:
    """`models` has the candidate, and the champion and the parent where there are such."""

    def __init__(self, ground: Ground, models: Mapping[str, Contestant], gates: Gates) -> None:
        for model in models.values():
            deque(paired(ground, model.answers), maxlen=0)  # refused here, whole, not rule by rule
        self.ground, self.models, self.gates = ground, models, gates
        self._parts: dict[str, list[Part]] = {"": [self._part("", ground, ANY)]}
        self._figures: dict[Key, Figure] = {}

    def parts(self, rule: Measured) -> list[Part]:
        return [part for name in ("", *rule.slices) for part in self._named(name)]

    def kinds(self, rule: Measured) -> list[tuple[str, tuple[int, ...]]]:
        """What the rule asks about: a name, empty for all classes together, and the classes' numbers."""
        numbers = {name: kind for kind, name in enumerate(self.ground.classes)}
        if rule.classes == "all":
            return [("", tuple(numbers.values()))]
        wanted = list(numbers) if rule.classes == "each" else rule.classes
        strangers = [name for name in wanted if name not in numbers]
        if strangers:
            raise ConfigError(f"classes {', '.join(strangers)}: the data set has none of that name; it has {', '.join(numbers)}")
        return [(name, (numbers[name],)) for name in wanted]

    def figure(self, who: str, metric: Metric, kinds: tuple[int, ...], part: Part) -> Figure:
        key = (who, metric, kinds, part.name)
        if key not in self._figures:
            counted = measure(metric, part.ground, self.models[who], self._judged(metric, kinds, part), part.area)
            estimate = float(counted(np.ones((1, len(part.ground.recordings))))[0])
            self._figures[key] = Figure(estimate, counted(part.weights), counted.support, counted)
        return self._figures[key]

    def absolute(self, metric: Metric, kinds: tuple[int, ...], part: Part) -> tuple[Figure, Interval]:
        figure = self.figure(CANDIDATE, metric, kinds, part)
        bounds = interval(figure.estimate, figure.resampled, figure.recordings, self.gates.confidence)
        if metric in SHARES and isinstance(figure.measure, Ratio) and math.isfinite(figure.estimate):
            share, confidence = figure.estimate, self.gates.confidence
            trials = effective_trials(share, figure.resampled, float(figure.measure.bottom.sum()), figure.recordings, confidence)
            bounds = worse_of(bounds, *wilson(share * trials, trials, confidence))
        return figure, bounds

    def gain(self, metric: Metric, kinds: tuple[int, ...], part: Part, over: str) -> tuple[Figure, Figure, Interval]:
        """How much better than the other model, on the same draws; below 0 is worse."""
        ours, theirs = self.figure(CANDIDATE, metric, kinds, part), self.figure(over, metric, kinds, part)
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        both = int(((ours.support > 0) | (theirs.support > 0)).sum())
        values_of = sign * (ours.resampled - theirs.resampled)
        return ours, theirs, interval(sign * (ours.estimate - theirs.estimate), values_of, both, self.gates.confidence)

    @property
    def whole(self) -> Part:
        return self._parts[""][0]

    def _judged(self, metric: Metric, kinds: tuple[int, ...], part: Part) -> Sequence[int]:
        """Of several classes at the operating point those that are there to be found: the others need no point."""
        if metric not in AT_POINT or len(kinds) == 1:
            return kinds
        there = {int(kind) for case in part.ground.cases for kind in case.kinds[~case.crowd]}
        return [kind for kind in kinds if kind in there]

    def _named(self, name: str) -> list[Part]:
        if name not in self._parts:
            if name == "size":
                self._parts[name] = [self._part(f"size={size}", self.ground, area) for size, area in SIZES.items()]
            else:
                self._parts[name] = [self._value(name, value) for value in values(self.ground, name)]
        return self._parts[name]

    def _value(self, name: str, value: str) -> Part:
        return self._part(f"{name}={value}", within(self.ground, value, name), ANY)

    def _part(self, name: str, ground: Ground, area: Area) -> Part:
        return Part(name, ground, area, draws(len(ground.recordings), self.gates.resamples, self.gates.seed))


def finite(value: float) -> float | None:
    """For a document."""
    return value if math.isfinite(value) else None
