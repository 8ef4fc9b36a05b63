"""Arithmetic on xyxy boxes as arrays; areas in double, so that an IoU of exactly one half is one half."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def empty() -> Floats:
    return np.zeros((0, 4), np.float32)


def area(boxes: Floats) -> Doubles:
    sides = np.clip(np.asarray(boxes[:, 2:], np.float64) - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1])


def common(a: NDArray[Any], b: NDArray[Any]) -> Doubles:
    """Area in pixels that each of `a` shares with each of `b`: (len(a), len(b))."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1])


def iou(a: Floats, b: Floats) -> Doubles:
    shared = common(a, b)
    return np.asarray(shared / np.maximum(area(a)[:, None] + area(b)[None] - shared, 1e-9))


def covered(a: Floats, b: Floats) -> Doubles:
    """How much of each of `a` lies within each of `b`, 0..1."""
    return np.asarray(common(a, b) / np.maximum(area(a)[:, None], 1e-9))
