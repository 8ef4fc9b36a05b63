"""Judging: whether a trace left what is normal; how far it usually strays is learned from the normal days themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.drift.distance import distances, psi
from trainer.drift.measures import Kind, Measure, Rows, mean, weight
from trainer.drift.trace import Trace, rolling

State = Literal["few", "ok", "drift"]
SPANS = (6, 24)  # hours together: what is gross is seen soon, what is small within days
LASTING: dict[Kind, int] = {  # hours in a row above the bound; weather passes
    "confidence": 3, "size": 3, "count": 3, "brightness": 12, "sharpness": 12, "picture": 12,
}  # fmt: skip
LEAST: dict[Kind, int] = {"confidence": 600, "size": 600, "count": 500, "brightness": 60, "sharpness": 60, "picture": 60}
LEAST_SHARE = 0.25  # of as many things as are usual in so many hours
LEAST_ENDS = 24  # hours of the normal days at which a distance could be told
FLOOR: dict[Kind, float] = {  # what is smaller is no drift, however steady a place is
    "confidence": 0.02, "size": 0.02, "count": 0.02, "brightness": 0.1, "sharpness": 0.1, "picture": 0.5,
}  # fmt: skip
SPREADS = 4.0
ABOVE_MOST = 1.5
TINY = 1e-4


@dataclass(frozen=True)
class Judged:
    """`distance`, `bound`, `psi` and the means are of the span that is worst now. `since`: rows after the first of `now` at which it began;
    `line`: distance over bound, the worse span, hour by hour; NaN where too little was seen."""

    measure: Measure
    state: State
    span: int = 0
    distance: float | None = None
    bound: float | None = None
    psi: float | None = None
    before: float | None = None
    after: float | None = None
    since: int | None = None
    line: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class _Span:
    span: int
    found: Rows  # one of each hour of now
    bound: float

    @property
    def ratio(self) -> Rows:
        return self.found / self.bound


def judge(measure: Measure, trace: Trace) -> Judged:
    spans = [each for span in SPANS if (each := _span(trace, span))]
    if not spans:
        return Judged(measure, "few")
    runs = [_run(each.ratio > 1) for each in spans]
    ratios = np.array([each.ratio for each in spans])
    line = np.fmax.reduce(ratios, axis=0)
    newest = [each.ratio[-1] if len(each.ratio) else np.nan for each in spans]
    if np.isnan(newest).all():
        return Judged(measure, "few", line=_told(line))
    worst = spans[int(np.nanargmax(newest))]
    longest = max(runs)
    state: State = "drift" if longest >= LASTING[trace.kind] else "ok"
    seen, expected = trace.now_seen[-worst.span :].sum(axis=0), trace.now_expected[-worst.span :].sum(axis=0)
    of_histograms = trace.kind != "picture"
    return Judged(
        measure, state, worst.span, float(worst.found[-1]), worst.bound, psi(seen, expected) if of_histograms else None,
        mean(expected, trace.kind), mean(seen, trace.kind), len(line) - longest if state == "drift" else None, _told(line),
    )  # fmt: skip


def _span(trace: Trace, span: int) -> _Span | None:
    """None: the normal days say too little."""
    normal, weights = _found(trace.kind, trace.normal_seen, trace.normal_expected, span)
    enough = weights >= LEAST[trace.kind]
    if enough.sum() < LEAST_ENDS:
        return None
    usual = float(np.median(weights[enough]))
    kept = (normal * np.minimum(1, weights / usual))[enough & (weights >= LEAST_SHARE * usual)]
    found, weights = _found(trace.kind, trace.now_seen, trace.now_expected, span)
    found = found * np.minimum(1, weights / usual)  # by chance alone half as many things are twice as far off
    found = np.where((weights >= LEAST[trace.kind]) & (weights >= LEAST_SHARE * usual), found, np.nan)
    found = np.concatenate([np.full(min(span - 1, len(trace.now_seen)), np.nan), found])
    return _Span(span, found, bound(kept, FLOOR[trace.kind]))


def bound(normal: Rows, floor: float) -> float:
    """Distances are skewed, their logarithms are not."""
    logs = np.log(normal + TINY)
    return float(max(floor, np.exp(logs.mean() + SPREADS * logs.std()), ABOVE_MOST * normal.max()))


def _found(kind: Kind, seen: Rows, expected: Rows, span: int) -> tuple[Rows, Rows]:
    sums = rolling(seen, span)
    return distances(sums, rolling(expected, span), kind), weight(sums, kind)


def _run(over: NDArray[np.bool_]) -> int:
    """Hours in a row up to now."""
    calm = np.flatnonzero(~over)
    return len(over) - 1 - int(calm[-1]) if len(calm) else len(over)


def _told(line: Rows) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in line)
