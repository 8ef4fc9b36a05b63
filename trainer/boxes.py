"""Arithmetic on xyxy boxes as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def empty() -> Floats:
    return np.zeros((0, 4), np.float32)


def area(boxes: Floats) -> Floats:
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def common(a: Floats, b: Floats) -> Floats:
    """Area in pixels that each of `a` shares with each of `b`: (len(a), len(b))."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def iou(a: Floats, b: Floats) -> Floats:
    shared = common(a, b)
    return np.asarray(shared / np.maximum(area(a)[:, None] + area(b)[None] - shared, 1e-9), np.float32)


def covered(a: Floats, b: Floats) -> Floats:
    """How much of each of `a` lies within each of `b`, 0..1."""
    return np.asarray(common(a, b) / np.maximum(area(a)[:, None], 1e-9), np.float32)
