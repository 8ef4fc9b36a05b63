"""Trace: what was seen hour by hour beside what was to be expected then, in the days that are normal and since; traces add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.drift.measures import Kind, Rows, weight

DAY = 24
LEAST_OF_HOUR = 20  # things at an hour of the day below which nothing is expected of it


@dataclass(frozen=True, eq=False)
class Trace:
    """Of one measure. `normal_*`: day after day of what is normal, each hour held against the other days; `now_*`: since then, from
    hour `first` on. A row of `expected` weighs as much as that of `seen`, so an hour in which little was seen counts little."""

    kind: Kind
    normal_seen: Rows
    normal_expected: Rows
    now_seen: Rows
    now_expected: Rows


def trace(kind: Kind, normal: Rows, now: Rows, shift: int) -> Trace:
    """`normal` begins with its first day, whole days; `shift`: hours from there to the first row of `now`. Like hours are compared: a
    street at three in the morning with that street at three in the morning."""
    days = len(normal) // DAY
    by_hour = normal.reshape(days, DAY, -1)
    total = by_hour.sum(axis=0)
    others = (total[None] - by_hour).reshape(days * DAY, -1)
    expected = np.roll(total, -(shift % DAY), axis=0)[np.arange(len(now)) % DAY]
    return Trace(kind, *_held(kind, normal, others), *_held(kind, now, expected))


def _held(kind: Kind, seen: Rows, reference: Rows) -> tuple[Rows, Rows]:
    """Each hour's reference at the weight of what was seen; nothing of either where the reference is too small to be one."""
    of_seen, of_reference = weight(seen, kind), weight(reference, kind)
    enough = of_reference >= LEAST_OF_HOUR
    share = np.where(enough, of_seen / np.maximum(of_reference, 1), 0)
    return seen * enough[:, None], reference * share[:, None]


def joined(traces: Sequence[Trace]) -> Trace:
    """Of several cameras or boxes together, each held against itself; they cover the same hours."""
    least = min(len(each.normal_seen) for each in traces)
    parts = [
        (each.normal_seen[:least], each.normal_expected[:least], each.now_seen, each.now_expected) for each in traces
    ]
    sums = [np.sum([part[n] for part in parts], axis=0) for n in range(4)]
    return Trace(traces[0].kind, *sums)


def rolling(rows: Rows, span: int) -> Rows:
    """Sums of each `span` rows; one for every place where there are so many."""
    if len(rows) < span:
        return rows[:0]
    total = np.cumsum(np.vstack([np.zeros((1, rows.shape[1])), rows]), axis=0)
    return np.asarray(total[span:] - total[:-span])
