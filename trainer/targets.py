"""What the network should have answered: a map of centres, the boxes of the cells near them, and where not to judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.network import STRIDE

Floats = NDArray[np.float32]
CORE = 0.5  # cells at least this near to a centre (1.0 is the centre) learn its box
SPREAD = 0.1  # standard deviation of the blob, as a part of the box
LEAST = 0.7  # and at least so many cells


@dataclass(frozen=True)
class Target:
    """centre: (C, H, W) 0..1; judged: (H, W) 0 or 1; box: (4, H, W) xyxy pixels; weight: (H, W) 0 where no box is learnt."""

    centre: Floats
    judged: Floats
    box: Floats
    weight: Floats


def target(boxes: Floats, classes: NDArray[np.int64], ignored: Floats, height: int, width: int, kinds: int = 1) -> Target:
    """For a picture of height x width pixels; boxes and ignored are xyxy pixels."""
    rows, columns = height // STRIDE, width // STRIDE
    centre = np.zeros((kinds, rows, columns), np.float32)
    box = np.zeros((4, rows, columns), np.float32)
    weight = np.zeros((rows, columns), np.float32)
    judged = np.ones((rows, columns), np.float32)
    for x1, y1, x2, y2 in ignored / STRIDE:
        judged[max(int(y1), 0) : int(np.ceil(y2)), max(int(x1), 0) : int(np.ceil(x2))] = 0
    for index in np.argsort([-_area(b) for b in boxes]):  # small ones last: they win a cell two boxes want
        bell = blob(boxes[index], rows, columns)
        kind = int(classes[index])
        centre[kind] = np.maximum(centre[kind], bell)
        core = (bell >= CORE) & (bell >= weight)
        weight[core] = bell[core]
        box[:, core] = boxes[index][:, None]
        judged[bell >= CORE] = 1
    return Target(centre, judged, box, weight)


def _area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def blob(box: Floats, rows: int, columns: int) -> Floats:
    """A bell round the box's centre whose highest cell is exactly 1."""
    x, y = (box[0] + box[2]) / 2 / STRIDE, (box[1] + box[3]) / 2 / STRIDE
    column, row = int(np.clip(x, 0, columns - 1)), int(np.clip(y, 0, rows - 1))
    wide = max(LEAST, SPREAD * float(box[2] - box[0]) / STRIDE)
    high = max(LEAST, SPREAD * float(box[3] - box[1]) / STRIDE)
    across = np.exp(-((np.arange(columns) - column) ** 2) / (2 * wide**2))
    down = np.exp(-((np.arange(rows) - row) ** 2) / (2 * high**2))
    return np.outer(down, across).astype(np.float32)
