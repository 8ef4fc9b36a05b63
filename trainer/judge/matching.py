"""Matching as COCO does it, kept answer by answer, so that figures can be counted again for any choice of recordings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.judge.ground import Answers, Bools, Case, Doubles, Found, Ground, Ints, paired

LEVELS = np.linspace(0.5, 0.95, 10)  # of IoU
MOST = 100  # answers of a class in a picture that count
Area = tuple[float, float]  # square pixels, both included
SIZES: dict[str, Area] = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}  # COCO's
ANY: Area = (0.0, 1e10)


@dataclass(frozen=True, eq=False)
class Column:
    """All answers of one class, best first: of which picture, right or not judged at each level; and how many were to be found in each."""

    confidence: Doubles
    case: Ints
    right: Bools  # (levels, answers)
    ignored: Bools
    wanted: Ints  # of each picture


def overlaps(boxes: Doubles, truths: Doubles, of_first: bool = False) -> Doubles:
    """IoU of each with each; `of_first`: the shared part of the first's own area, as COCO has it for crowds. 0 where nothing is shared."""
    low = np.maximum(boxes[:, None, :2], truths[None, :, :2])
    high = np.minimum(boxes[:, None, :2] + boxes[:, None, 2:], truths[None, :, :2] + truths[None, :, 2:])
    sides = high - low
    shared = np.where((sides > 0).all(axis=2), sides[..., 0] * sides[..., 1], 0.0)
    own = (boxes[:, 2] * boxes[:, 3])[:, None]
    both = own if of_first else own + (truths[:, 2] * truths[:, 3])[None] - shared
    return np.divide(shared, both, out=np.zeros_like(shared), where=shared > 0)


def column(ground: Ground, answers: Answers, kind: int, area: Area = ANY) -> Column:
    """Each thing belongs to the best answer that fits it best; things and free answers outside `area` are not judged."""
    parts = [_picture(case, found, kind, area) for case, found in paired(ground, answers)]
    sizes = [len(part[0]) for part in parts]
    confidence = np.concatenate([np.zeros(0), *(part[0] for part in parts)])
    order = np.argsort(-confidence, kind="mergesort")
    blank = np.zeros((len(LEVELS), 0), bool)
    return Column(
        confidence[order],
        np.repeat(np.arange(len(parts)), sizes)[order],
        np.concatenate([blank, *(part[1] for part in parts)], axis=1)[:, order],
        np.concatenate([blank, *(part[2] for part in parts)], axis=1)[:, order],
        np.array([part[3] for part in parts], np.int64),
    )


def _picture(case: Case, found: Found, kind: int, area: Area) -> tuple[Doubles, Bools, Bools, int]:
    boxes, confidence = found.of(kind)
    order = np.argsort(-confidence, kind="mergesort")[:MOST]
    boxes, truths, doubt = boxes[order], case.wanted(kind), case.doubtful(kind)
    outside = _outside(truths, area)
    truths = np.concatenate([truths[~outside], truths[outside]])
    judged = int((~outside).sum())
    right, ignored = _greedy(overlaps(boxes, truths), judged)
    if len(doubt) and len(boxes):
        share = overlaps(boxes, doubt, of_first=True).max(axis=1)
        ignored |= ~right & (share[None] >= LEVELS[:, None])
    ignored |= ~right & _outside(boxes, area)[None]
    return confidence[order], right, ignored, judged


def _outside(boxes: Doubles, area: Area) -> Bools:
    own = boxes[:, 2] * boxes[:, 3]
    return (own < area[0]) | (own > area[1])


def _greedy(overlap: Doubles, judged: int) -> tuple[Bools, Bools]:
    """Answers in their order take the free thing they fit best, of equals the last as COCO does; one not judged only without another."""
    answers, things = overlap.shape
    right, ignored = np.zeros((len(LEVELS), answers), bool), np.zeros((len(LEVELS), answers), bool)
    taken = np.zeros((len(LEVELS), things), bool)
    rows = np.arange(len(LEVELS))
    fitting = overlap.max(axis=1) >= LEVELS[0] if things else np.zeros(answers, bool)
    for i in np.flatnonzero(fitting):
        free = np.where(taken, -1.0, overlap[i][None])
        open_levels = np.ones(len(LEVELS), bool)
        for first, last, marks in ((0, judged, right), (judged, things, ignored)):
            if first == last:
                continue
            best = last - 1 - free[:, first:last][:, ::-1].argmax(axis=1)
            fits = open_levels & (free[rows, best] >= LEVELS)
            taken[rows[fits], best[fits]] = True
            marks[fits, i] = True
            open_levels &= ~fits
    return right, ignored
