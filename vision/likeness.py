"""Likeness: how alike a small picture and every place of a larger one are, whatever the light; flat places are like nothing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MIDDLE = 128.0  # pixels are counted from here, so that sums of squares keep their digits
FLAT = 2.0  # levels, standard deviation: less is a coder's noise, whatever it looks like
Plane = NDArray[np.float32]  # height x width x channels


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """What is looked for: `weights` are its pixels less their mean and 0 outside `mask` (None: all of it counts)."""

    weights: Plane
    mask: Plane | None
    length: float  # of `weights` as one vector
    count: float  # of values that count

    @property
    def height(self) -> int:
        return int(self.weights.shape[0])

    @property
    def width(self) -> int:
        return int(self.weights.shape[1])

    @property
    def contrast(self) -> float:
        """Levels, standard deviation of what counts of it."""
        return float(self.length / self.count**0.5)


def pattern(picture: Plane, alpha: NDArray[np.float32] | None = None) -> Pattern | None:
    """`alpha`, height x width from 0 to 1: how much each pixel counts. None: it is of one colour, and anything could be it."""
    values = picture - MIDDLE
    mask = None if alpha is None else np.ascontiguousarray(np.repeat(alpha[..., None], picture.shape[2], 2), np.float32)
    weigh = np.ones_like(values) if mask is None else mask
    count = float(weigh.sum(dtype=np.float64))
    if count < 1:
        return None
    mean = float((values * weigh).sum(dtype=np.float64)) / count
    weights = np.ascontiguousarray((values - mean) * weigh, np.float32)
    length = float(((values - mean) ** 2 * weigh).sum(dtype=np.float64)) ** 0.5
    return Pattern(weights, mask, length, count) if length / count**0.5 >= FLAT else None


def likeness(picture: Plane, wanted: Pattern, least_contrast: float) -> NDArray[np.float32]:
    """For each place at which it fits, row by column of its upper left corner: the correlation, -1 to 1, brightness and contrast
    left out. 0 where the picture has less than `least_contrast` of the pattern's contrast: noise can look like anything."""
    values = picture - np.float32(MIDDLE)
    product = cv2.matchTemplate(values, wanted.weights, cv2.TM_CCORR).astype(np.float64)
    spread = _squares(values, wanted)
    enough = spread >= wanted.count * max(FLAT, least_contrast * wanted.contrast) ** 2
    alike = np.where(enough, product / (wanted.length * np.sqrt(np.where(enough, spread, 1.0))), 0.0)
    return np.clip(alike, -1, 1).astype(np.float32)


def _squares(values: Plane, wanted: Pattern) -> NDArray[np.float64]:
    """At each place the sum of squared differences from the mean there, of the pixels that count."""
    if wanted.mask is not None:
        sums = cv2.matchTemplate(values, wanted.mask, cv2.TM_CCORR).astype(np.float64)
        squares = cv2.matchTemplate(values * values, wanted.mask, cv2.TM_CCORR).astype(np.float64)
    else:
        whole, squared = cv2.integral2(values, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
        sums, squares = _windows(np.asarray(whole, np.float64), wanted), _windows(np.asarray(squared, np.float64), wanted)
    spread: NDArray[np.float64] = squares - sums * sums / wanted.count
    return spread


def _windows(integral: NDArray[np.float64], wanted: Pattern) -> NDArray[np.float64]:
    """Sums over every window of the pattern's size, all channels together."""
    flat = integral.reshape(*integral.shape[:2], -1).sum(axis=2)
    h, w = wanted.height, wanted.width
    sums: NDArray[np.float64] = flat[h:, w:] - flat[:-h, w:] - flat[h:, :-w] + flat[:-h, :-w]
    return sums


def peaks(alike: NDArray[np.float32], least: float, most: int, reach: tuple[int, int]) -> list[tuple[int, int, float]]:
    """Row, column and likeness of the best places, best first; of those nearer than `reach` (rows, columns) one."""
    left = alike.copy()
    found: list[tuple[int, int, float]] = []
    while len(found) < most:
        _, best, _, (column, row) = cv2.minMaxLoc(left)
        if best < least:
            break
        found.append((row, column, float(best)))
        left[max(0, row - reach[0]) : row + reach[0] + 1, max(0, column - reach[1]) : column + reach[1] + 1] = -2
    return found
