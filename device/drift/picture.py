"""Picture: what one looked like, in 40 numbers with its brightness and sharpness; the same for the same scene under the same light."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.drift import LEVELS
from vision.types import Planes

WIDTH, HEIGHT, CELLS = 64, 36, 4
SHARP_PX = 640  # the luma picture that sharpness is measured in


class Described(NamedTuple):
    """`brightness` and `sharpness` are the numbers of their bins."""

    values: NDArray[np.float64]
    brightness: int
    sharpness: int


def describe(planes: Planes) -> Described:
    """About a millisecond; not for the analysis thread."""
    rgb = planes.rgb(WIDTH, HEIGHT).astype(np.float32)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    across, down = (np.asarray(np.gradient(luma, axis=axis), np.float32) for axis in (1, 0))
    colours = [_cells(colour, 2) / 255 for colour in (red - green, (red + green) / 2 - blue)]
    values = np.concatenate([_cells(luma, CELLS) / 255, _cells(np.hypot(across, down), CELLS) / 64, *colours])
    brightness = min(LEVELS - 1, int(luma.mean() * LEVELS / 256))
    return Described(values.astype(np.float64), brightness, _sharpness(planes))


def _cells(plane: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    """The mean of each cell, row by row."""
    height, width = plane.shape
    return np.asarray(plane.reshape(side, height // side, side, width // side).mean(axis=(1, 3)).ravel(), np.float32)


def _sharpness(planes: Planes) -> int:
    luma = np.ascontiguousarray(planes.luma(SHARP_PX))
    variance = float(cv2.Laplacian(luma, cv2.CV_32F).var())
    return min(LEVELS - 1, int(np.log2(1 + variance)))
