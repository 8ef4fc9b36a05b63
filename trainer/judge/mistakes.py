"""Kinds of mistakes at the operating point: what a wrong answer is, and what was not found.

The six kinds are those of TIDE (Bolya, Foley, Hays, Hoffman 2020, https://arxiv.org/abs/2008.08115), in our own words and counted, not
weighed: classification (right place, wrong class), localisation (right class, wrong place), both, duplicate (the thing has a better
answer already), background (nothing is there), missed (no answer, and no classification or localisation mistake, is about it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trainer.judge.ground import Answers, Bools, Case, Doubles, Found, Ground, Ints, boxes_of, paired
from trainer.judge.matching import overlaps

KINDS = ("classification", "localisation", "both", "duplicate", "background", "missed")
RIGHT, NEAR = 0.5, 0.1  # IoU from which a place is right; below which it has nothing to do with the thing


@dataclass(frozen=True)
class Mistake:
    """`box` is the answer's, of a miss the thing's own; x, y, width, height."""

    picture: str
    kind: str
    label: str
    box: tuple[float, float, float, float]
    confidence: float | None  # None: a miss


def mistakes(ground: Ground, answers: Answers, points: Mapping[str, float]) -> list[Mistake]:
    """In the order of the pictures; of each the answers, best first, then what was missed. Classes without a point are left out."""
    floors = np.array([points.get(name, np.inf) for name in ground.classes])
    return [each for case, found in paired(ground, answers) for each in _picture(ground, case, found, floors)]


def tally(found: list[Mistake]) -> dict[str, dict[str, int]]:
    """By class, then by kind, every kind named."""
    counted = Counter((each.label, each.kind) for each in found)
    return {label: {kind: counted[label, kind] for kind in KINDS} for label in sorted({each.label for each in found})}


def _picture(ground: Ground, case: Case, found: Found, floors: Doubles) -> list[Mistake]:
    known = (found.kinds >= 0) & (found.kinds < len(floors))
    known[known] = found.confidence[known] >= floors[found.kinds[known]]
    order = np.flatnonzero(known)[np.argsort(-found.confidence[known], kind="mergesort")]
    boxes, kinds, confidence = found.boxes[order], found.kinds[order], found.confidence[order]
    things = np.flatnonzero(~case.crowd & np.isfinite(floors[case.kinds])) if len(case.kinds) else np.zeros(0, np.int64)
    truths, true_kinds = case.boxes[things], case.kinds[things]
    overlap = overlaps(boxes, truths)
    right, taken = _taken(overlap, kinds, true_kinds)
    result, about = [], taken.copy()
    for i in np.flatnonzero(~right):
        if _doubtful(case, boxes[i], int(kinds[i])):
            continue
        kind, thing = _kind(overlap[i], true_kinds == kinds[i], taken)
        if kind in {"classification", "localisation"}:
            about[thing] = True
        result.append(_mistake(case, kind, ground.classes[kinds[i]], boxes[i], float(confidence[i])))
    missed = [_mistake(case, "missed", ground.classes[true_kinds[n]], truths[n], None) for n in np.flatnonzero(~about)]
    return result + missed


def _taken(overlap: Doubles, kinds: Ints, true_kinds: Ints) -> tuple[Bools, Bools]:
    """Which answers are right and which things have one, as in matching at IoU 0.5."""
    right, taken = np.zeros(len(kinds), bool), np.zeros(len(true_kinds), bool)
    for i, row in enumerate(overlap):
        free = np.where(taken | (true_kinds != kinds[i]), -1.0, row)
        best = len(free) - 1 - int(free[::-1].argmax()) if len(free) else -1
        if best >= 0 and free[best] >= RIGHT:
            right[i] = taken[best] = True
    return right, taken


def _kind(row: Doubles, same: Bools, taken: Bools) -> tuple[str, int]:
    """Of a wrong answer; and the thing it is about. The nearest to being right is what it is called."""
    if not len(row):
        return "background", -1
    own, other = np.where(same, row, -1.0), np.where(same, -1.0, row)
    mine, strange = int(own.argmax()), int(other.argmax())
    if own[mine] >= RIGHT:
        return "duplicate", mine
    if other[strange] >= RIGHT:
        return "classification", strange
    if own[mine] >= NEAR:
        return ("localisation" if not taken[mine] else "duplicate"), mine
    if other[strange] >= NEAR:
        return "both", strange
    return "background", -1


def _doubtful(case: Case, box: Doubles, kind: int) -> bool:
    doubt = case.doubtful(kind)
    return bool(len(doubt)) and bool(overlaps(boxes_of([box.tolist()]), doubt, of_first=True).max() >= RIGHT)


def _mistake(case: Case, kind: str, label: str, box: Doubles, confidence: float | None) -> Mistake:
    x, y, width, height = (float(v) for v in box)
    return Mistake(case.id, kind, label, (x, y, width, height), confidence)
