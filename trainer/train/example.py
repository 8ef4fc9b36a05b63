"""Example: one picture and what is learnt of it: things, and regions in which nothing is held against anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset.items import Item, Label
from trainer.boxes import Floats
from trainer.judge.loading import MACHINES

Ints = NDArray[np.int64]
Image = NDArray[np.uint8]
EVERY = -1  # a region of every class


@dataclass(frozen=True, eq=False)
class Marks:
    """Boxes as xyxy pixels of the picture they belong to, with the numbers of their classes."""

    boxes: Floats
    kinds: Ints
    ignored: Floats
    ignored_kinds: Ints  # EVERY: nothing is known of any class there

    @staticmethod
    def none() -> Marks:
        return Marks(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Example:
    """The picture stays on the disk until it is drawn."""

    id: str
    path: Path
    width: int
    height: int
    sha256: str  # of the file; empty: nobody wrote it down
    marks: Marks
    probability: float | None  # with which it was kept


def marks_of(item: Item, numbers: Mapping[str, int], learn_machines: bool = False, min_confidence: float = 0.0) -> Marks:
    """A class that was not labelled exhaustively is not judged anywhere in the picture but where one was labelled."""
    things: list[tuple[Label, int]] = []
    doubts: list[tuple[tuple[float, float, float, float], int]] = [(box, EVERY) for box in item.ignore]
    for label in item.labels:
        if label.category not in numbers:
            continue
        kind = numbers[label.category]
        if label.crowd or not _is_learnt(label, learn_machines, min_confidence):
            doubts.append((label.box, kind))
        else:
            things.append((label, kind))
    if item.exhaustive_for is not None:
        whole = (0.0, 0.0, float(item.width), float(item.height))
        doubts += [(whole, kind) for name, kind in numbers.items() if name not in item.exhaustive_for]
    return Marks(
        _corners([label.box for label, _ in things]),
        np.array([kind for _, kind in things], np.int64),
        _corners([box for box, _ in doubts]),
        np.array([kind for _, kind in doubts], np.int64),
    )


def _is_learnt(label: Label, learn_machines: bool, min_confidence: float) -> bool:
    """As the judge has it, a machine's word is no truth, unless the owner wants to learn from it."""
    if not is_unverified(label):
        return True
    return learn_machines and (label.confidence is None or label.confidence >= min_confidence)


def is_unverified(label: Label) -> bool:
    """A machine said so, and no person looked."""
    return label.source in MACHINES and not label.verified


def _corners(boxes: list[tuple[float, float, float, float]]) -> Floats:
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)
