"""Masks: what must not be kept is black before the picture is hashed, compared or stored, and nothing is said of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from contracts.dataset import Region
from dataset.marks import region
from vision.types import Image

Outline = Sequence[tuple[float, float]]


def masked(image: Image, outlines: Sequence[Outline]) -> tuple[Image, tuple[Region, ...]]:
    """The picture with each outline (0..1 of its size) painted over, and the regions; the same picture where there are none."""
    if not outlines:
        return image, ()
    height, width = image.shape[:2]
    painted, regions = image.copy(), []
    for outline in outlines:
        points = [(round(x * width, 2), round(y * height, 2)) for x, y in outline]
        corners = np.array(points, np.float64)
        low, high = corners.min(axis=0), corners.max(axis=0)
        cv2.fillPoly(painted, [np.rint(corners).astype(np.int32)], (0, 0, 0))
        found = region((float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])), width, height, "mask", points)
        regions += [found] if found else []
    return painted, tuple(regions)
