"""Checks of figures on the test set: limits that are reached, and losses that are small enough, both beyond doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator

from contracts.errors import ConfigError
from contracts.verdict import Answer, Check
from trainer.gates.bounds import Interval, recordings_needed
from trainer.gates.rules import Absolute, Measured, NonInferior
from trainer.gates.trial import CANDIDATE, Figure, Part, Trial, finite


def measured_checks(name: str, rule: Absolute | NonInferior, trial: Trial) -> Iterator[Check]:
    for part in trial.parts(rule):
        for label, kinds in trial.kinds(rule):
            blank = Check(rule=name, kind=rule.kind, answer="not_enough_data", why="", metric=rule.metric, label=label, slice=part.name)
            if isinstance(rule, Absolute):
                yield _guarded(blank, rule, trial, kinds, part, "")
            else:
                for over in rule.to:
                    yield _guarded(blank.model_copy(update={"against": over}), rule, trial, kinds, part, over)


def _guarded(blank: Check, rule: Absolute | NonInferior, trial: Trial, kinds: tuple[int, ...], part: Part, over: str) -> Check:
    """A question that cannot be put is not one that was answered."""
    if over and over not in trial.models:
        return blank.model_copy(update={"why": f"there is no {over} to compare with; name it, or override this rule for a first model"})
    for who in (CANDIDATE, over) if over else (CANDIDATE,):
        try:
            trial.figure(who, rule.metric, kinds, part)
        except ConfigError as error:
            return blank.model_copy(update={"why": f"the {who}'s {error}"})
    if isinstance(rule, Absolute):
        return _absolute(blank, rule, trial, kinds, part)
    return _non_inferior(blank, rule, trial, kinds, part, over)


def _absolute(blank: Check, rule: Absolute, trial: Trial, kinds: tuple[int, ...], part: Part) -> Check:
    figure, bounds = trial.absolute(rule.metric, kinds, part)
    sides = []
    if rule.at_least is not None:
        sides.append((bounds.estimate - rule.at_least, bounds.estimate - bounds.low))
    if rule.at_most is not None:
        sides.append((rule.at_most - bounds.estimate, bounds.high - bounds.estimate))
    if rule.metric == "count_bias" and rule.at_most is not None:
        sides.append((rule.at_most + bounds.estimate, bounds.estimate - bounds.low))
    limit = rule.at_least if rule.at_least is not None else rule.at_most
    numbers = {"limit": limit, **_numbers(bounds, figure.recordings, figure.objects)}
    told = f"{rule.metric} {_number(bounds.estimate)}, asked is {_asked(rule)}"
    return _answered(blank, rule, trial, numbers, sides, told)


def _non_inferior(blank: Check, rule: NonInferior, trial: Trial, kinds: tuple[int, ...], part: Part, over: str) -> Check:
    ours, theirs, bounds = trial.gain(rule.metric, kinds, part, over)
    recordings, objects = _support(ours, theirs)
    numbers = {"limit": rule.margin, "ours": finite(ours.estimate), "theirs": finite(theirs.estimate)}
    numbers |= _numbers(bounds, recordings, objects)
    sides = [(bounds.estimate + rule.margin, bounds.estimate - bounds.low)]
    told = f"{rule.metric} {_number(ours.estimate)}, the {over} has {_number(theirs.estimate)}, a loss of {rule.margin:g} is allowed"
    return _answered(blank, rule, trial, numbers, sides, told)


def _support(ours: Figure, theirs: Figure) -> tuple[int, int]:
    return min(ours.recordings, theirs.recordings), min(ours.objects, theirs.objects)


def _answered(
    blank: Check,
    rule: Measured,
    trial: Trial,
    numbers: dict[str, float | int | None],
    sides: list[tuple[float, float]],
    told: str,
) -> Check:
    """`sides`: how far the estimate is on the right side of a limit, and how far its bound is from it.

    A miss is `fail`. A limit that is reached, but not beyond doubt, is `not_enough_data`: more recordings decide it.
    """
    recordings, objects = int(numbers["recordings"] or 0), int(numbers["objects"] or 0)
    least, fewest = rule.min_recordings or trial.gates.min_recordings, rule.min_objects or trial.gates.min_objects
    answer: Answer = "not_enough_data"
    if recordings < least or objects < fewest:
        why = f"{told}: {recordings} recordings with {objects} counted are too few to say, {least} and {fewest} are asked for"
        binding = not (blank.slice and rule.thin_slices == "tell")
        needed = max(least, math.ceil(recordings * fewest / objects)) if objects else least
        return blank.model_copy(update={**numbers, "answer": answer, "why": why, "needed": needed, "binding": binding})
    if not all(map(math.isfinite, (value for side in sides for value in side))):
        return blank.model_copy(update={**numbers, "answer": answer, "why": f"{told}: there is no bound, too often nothing to count"})
    missed = min(sides)[0] < 0
    sure = all(half <= distance + 1e-12 for distance, half in sides)
    bound = f"between {_number(numbers['low'])} and {_number(numbers['high'])} by {recordings} recordings"
    if missed:
        return blank.model_copy(update={**numbers, "answer": "fail", "why": f"{told}: missed ({bound})"})
    if sure:
        return blank.model_copy(update={**numbers, "answer": "pass", "why": f"{told}: reached ({bound})"})
    needed = max((recordings_needed(recordings, distance, half) or 0 for distance, half in sides), default=0)
    why = f"{told}: reached, but not beyond doubt ({bound})" + (f"; about {needed} would decide it" if needed else "")
    return blank.model_copy(update={**numbers, "answer": answer, "why": why, "needed": needed or None})


def _numbers(bounds: Interval, recordings: int, objects: int) -> dict[str, float | int | None]:
    figures = {"estimate": finite(bounds.estimate), "low": finite(bounds.low), "high": finite(bounds.high)}
    return {**figures, "recordings": recordings, "objects": objects}


def _asked(rule: Absolute) -> str:
    if rule.at_least is not None:
        return f"at least {rule.at_least:g}"
    return f"{'from -' + format(rule.at_most, 'g') + ' to ' if rule.metric == 'count_bias' else 'at most '}{rule.at_most:g}"


def _number(value: float | int | None) -> str:
    return "unknown" if value is None or not math.isfinite(value) else f"{value:.4f}"
