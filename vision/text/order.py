"""Order: boxes of text, which come as a network found them, in the order in which people read: line by line, left to right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAME_LINE = 0.5  # of the lower one's height that two boxes share, for them to stand on one line


def reading_order(boxes: NDArray[Any]) -> list[list[int]]:
    """The row numbers of (N, 4) xyxy, line by line. It does not matter in which order the boxes are given."""
    table = np.asarray(boxes, np.float64).reshape(-1, 4)
    if not np.isfinite(table).all():
        raise ValueError("boxes are finite numbers")
    x1, y1, x2, y2 = table.T
    lines: list[list[int]] = []
    for row in np.lexsort((x2, y2, y1, x1, y1 + y2)).tolist():  # from top to bottom; equal ones are the same box
        line = _line_of(row, lines, table)
        line.append(row) if line else lines.append([row])
    for line in lines:
        line.sort(key=lambda row: (x1[row], y1[row], x2[row], y2[row]))
    return sorted(lines, key=lambda line: (_middle(table[line]), x1[line[0]]))


def _line_of(row: int, lines: list[list[int]], table: NDArray[np.float64]) -> list[int] | None:
    """The line whose boxes share most height with this one, if that is enough."""
    best, most = None, SAME_LINE
    for line in lines:
        shared = _shared(table[row], table[line])
        if shared > most:
            best, most = line, shared
    return best


def _shared(box: NDArray[np.float64], line: NDArray[np.float64]) -> float:
    """Of the lower one's height, how much the box and the line have in common. A line is as high as its boxes are on average: one
    tall letter does not pull the next line in."""
    top, bottom = line[:, 1].mean(), line[:, 3].mean()
    height = min(box[3] - box[1], bottom - top)
    return float((min(box[3], bottom) - max(box[1], top)) / height) if height > 0 else 0.0


def _middle(boxes: NDArray[np.float64]) -> float:
    return float((boxes[:, 1] + boxes[:, 3]).mean())
