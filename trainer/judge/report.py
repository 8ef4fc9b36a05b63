"""Report: everything that is told of a model on one ground, as a document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from contracts.evaluation import Bin, ClassFigures, Evaluation, SliceFigures
from trainer.judge.answers_file import Contestant
from trainer.judge.calibration import Reliability, expected_error, reliability
from trainer.judge.counts import counts
from trainer.judge.evaluator import Evaluator
from trainer.judge.ground import Ground
from trainer.judge.loading import judged_root
from trainer.judge.matching import SIZES, column
from trainer.judge.mistakes import mistakes, tally
from trainer.judge.points import point_at
from trainer.judge.precision import average_precision
from trainer.judge.slices import PICTURES, values, within


def evaluate(ground: Ground, model: Contestant, evaluator: Evaluator, split: str = "") -> Evaluation:
    scored = evaluator.evaluate(ground, model.answers)
    classes = {name: _class(ground, model, kind, scored.classes[name]) for kind, name in enumerate(ground.classes)}
    return Evaluation(
        model=model.model,
        root=judged_root(ground),
        split=split,
        pictures=len(ground.cases),
        recordings=len(ground.recordings),
        coco=_told(scored.overall),
        classes=classes,
        slices=_slices(ground, model, evaluator) | {"size": _sizes(ground, model)},
        mistakes=tally(mistakes(ground, model.answers, model.points)),
        points_root=model.points_root,
    )


def _class(ground: Ground, model: Contestant, kind: int, coco: Mapping[str, float]) -> ClassFigures:
    each, name = column(ground, model.answers, kind), ground.classes[kind]
    reliable = reliability(each)
    figures = ClassFigures(
        wanted=int(each.wanted.sum()),
        coco=_told(coco),
        point=None,
        ece=_number(float(expected_error(reliable.count, reliable.confidence, reliable.right))),
        reliability=_bins(reliable),
    )
    if name not in model.points:
        return figures
    point, counted = point_at(each, model.points[name]), counts(ground, each, kind, model.points[name])
    return figures.model_copy(
        update={
            "point": point.confidence,
            "precision": _number(point.precision),
            "recall": _number(point.recall),
            "count_mae": _number(counted.mean_error),
            "count_bias": _number(counted.bias),
            "count_exact": _number(counted.exact),
        }
    )


def _bins(reliable: Reliability) -> list[Bin]:
    rows = zip(reliable.count, reliable.confidence, reliable.right, strict=True)
    return [Bin(answers=int(n), confidence=sure / n if n else None, right=right / n if n else None) for n, sure, right in rows]


def _slices(ground: Ground, model: Contestant, evaluator: Evaluator) -> dict[str, dict[str, SliceFigures]]:
    return {name: {value: _slice(within(ground, value, name), model, evaluator) for value in values(ground, name)} for name in PICTURES}


def _slice(ground: Ground, model: Contestant, evaluator: Evaluator) -> SliceFigures:
    scored = evaluator.evaluate(ground, model.answers).overall
    return _at_point(ground, model, (0.0, 1e10), {key: scored[key] for key in ("ap", "ap50")})


def _sizes(ground: Ground, model: Contestant) -> dict[str, SliceFigures]:
    """By size of the things, small, middle and large as COCO has them."""
    return {name: _at_point(ground, model, area, _mean_precision(ground, model, area)) for name, area in SIZES.items()}


def _mean_precision(ground: Ground, model: Contestant, area: tuple[float, float]) -> dict[str, float]:
    found = [column(ground, model.answers, kind, area) for kind in range(len(ground.classes))]
    each = [average_precision(c.right, c.ignored, np.ones(len(c.case)), float(c.wanted.sum())) for c in found if c.wanted.sum()]
    return {"ap": _mean(float(a.mean()) for a in each), "ap50": _mean(float(a[0]) for a in each)}


def _at_point(ground: Ground, model: Contestant, area: tuple[float, float], scored: Mapping[str, float]) -> SliceFigures:
    """Precision and recall of all classes that have a point together."""
    hits = shown = wanted = found = 0
    for kind, name in enumerate(ground.classes):
        each = column(ground, model.answers, kind, area)
        found += int(each.wanted.sum())
        if name in model.points:
            seen = (each.confidence >= model.points[name]) & ~each.ignored[0]
            hits, shown, wanted = hits + int((seen & each.right[0]).sum()), shown + int(seen.sum()), wanted + int(each.wanted.sum())
    return SliceFigures(
        pictures=len(ground.cases),
        recordings=len(ground.recordings),
        wanted=found,
        ap=_number(scored["ap"]),
        ap50=_number(scored["ap50"]),
        precision=hits / shown if shown else None,
        recall=hits / wanted if wanted else None,
    )


def _mean(figures: Iterable[float]) -> float:
    known = list(figures)
    return sum(known) / len(known) if known else math.nan


def _told(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in figures.items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
