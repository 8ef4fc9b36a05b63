"""Backdrop: what a camera sees when nothing happens, in cells of four by four pixels, and what stands out from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from device.pipeline.zone import Point, inside
from vision.types import Image

Seen = Literal["first", "still", "motion", "light", "upheaval"]
Cells = NDArray[np.float32]

CELL = 4  # pixels of the grey picture on each side; averaging them takes out most of a sensor's noise
FOLLOW_S = 5.0  # the backdrop takes in what stays this long: a parked car, moving shade
NOISE_RATE = 0.5  # levels a second by which the noise of a cell may be found higher or lower
NOISE_MOST = 4.0  # of a tree in the wind; beyond, a place would go blind
SPREAD = 6.0  # times the usual difference of a cell (its median): nine hundredths of a millionth of normal noise
PATCH = 3  # changed cells among the nine around one, itself included, for it to be the middle of a patch
AROUND = np.ones((3, 3), np.uint8)
STEP = 8.0  # levels by which half the picture got lighter or darker: not an object
UPHEAVAL = 0.5  # part of the picture that changed at once: not an object, or a very near one
TONES = 12  # points of the tone curve that is fitted to a change of light
UNEXPLAINED = 0.2  # part of the picture that a change of light may leave unexplained (lamps, saturation)


class Backdrop:
    def __init__(self, luma_shape: tuple[int, ...], masks: Sequence[Sequence[Point]], min_area: float, min_contrast: float) -> None:
        self.luma_shape = luma_shape
        height, width = max(1, luma_shape[0] // CELL), max(1, luma_shape[1] // CELL)
        self._live = _unmasked(height, width, masks)
        self._live_cells = max(1, int(np.count_nonzero(self._live)))
        every = max(1, self._live_cells // 600)
        self._probe = np.nonzero(self._live.ravel())[0][::every]  # enough cells for a median
        self._least = max(PATCH, math.ceil(min_area * self._live_cells))
        self._contrast = np.float32(min_contrast)
        self._reference: Cells = np.zeros((height, width), np.float32)
        self._noise: Cells = np.full((height, width), min_contrast / SPREAD, np.float32)
        self._last_pts_ns: int | None = None
        self._unsettled = False  # the last look was an upheaval
        self._looks = 0

    def look(self, luma: Image, pts_ns: int) -> Seen:
        """What this picture is against the backdrop, which it becomes a part of."""
        cells = _cells(luma, self._reference.shape)
        if self._last_pts_ns is None:
            self._reference, self._last_pts_ns = cells, pts_ns
            return "first"
        dt_s = min(max(0, pts_ns - self._last_pts_ns) / 1e9, 2 * FOLLOW_S)
        self._last_pts_ns = pts_ns
        difference = cells - self._reference
        shift = _median(difference.ravel()[self._probe])
        away = np.abs(difference - shift)
        limit = np.maximum(self._noise * np.float32(SPREAD), self._contrast)
        patches = self._patches(away > limit)
        if abs(shift) > STEP or patches > UPHEAVAL * self._live_cells:
            return self._overturned(cells, limit)
        self._unsettled = False
        self._learn(cells, away, dt_s)
        return "motion" if patches >= self._least else "still"

    def _patches(self, changed: NDArray[np.bool_]) -> int:
        """How many changed cells belong to a patch: its middle has others around it, its rim is beside such a middle."""
        marks = (changed & self._live).view(np.uint8)
        around = cv2.boxFilter(marks, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        middles = (around >= PATCH).view(np.uint8) & marks
        if not middles.any():
            return 0
        return int(np.count_nonzero(cv2.bitwise_and(marks, cv2.dilate(middles, AROUND))))

    def _learn(self, cells: Cells, away: Cells, dt_s: float) -> None:
        """The reference by an exponential average, the noise as the running median of the differences: who passes by now and then
        does not count as noise, a tree in the wind does."""
        cv2.accumulateWeighted(cells, self._reference, min(0.5, 1 - math.exp(-dt_s / FOLLOW_S)))
        self._looks += 1
        step = NOISE_RATE * min(dt_s, 1.0) + 2.0 / self._looks  # the first looks settle it faster
        self._noise += np.clip(away - self._noise, -step, step)
        np.minimum(self._noise, NOISE_MOST, out=self._noise)

    def _overturned(self, cells: Cells, limit: Cells) -> Seen:
        """Most of the picture changed: it becomes the new backdrop. Light, if a tone curve explains it."""
        light = self._relit(cells, limit)
        again, self._unsettled = self._unsettled, not light
        self._reference = cells
        if light:
            return "light"
        return "motion" if again else "upheaval"

    def _relit(self, cells: Cells, limit: Cells) -> bool:
        """Every old level became one new level, brighter ones no darker: a tone curve, be it bent or saturated, and no object."""
        old, new = self._reference[self._live], cells[self._live]
        groups = np.array_split(np.argsort(old, kind="stable"), TONES)
        tones = [(float(np.median(old[g])), float(np.median(new[g]))) for g in groups if len(g)]
        if not tones:
            return True
        levels, became = np.array(tones).T
        left = np.abs(np.interp(self._reference, levels, np.maximum.accumulate(became)) - cells) > 2 * limit
        return self._patches(left) < UNEXPLAINED * self._live_cells


def _unmasked(height: int, width: int, masks: Sequence[Sequence[Point]]) -> NDArray[np.bool_]:
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    live = np.ones(height * width, bool)
    for mask in masks:
        live &= ~inside(mask, centres)
    return live.reshape(height, width)


def _cells(luma: Image, shape: tuple[int, ...]) -> Cells:
    """Means of the cells; two exact halvings are four times as fast as one quartering."""
    height, width = shape
    if luma.shape[0] < CELL or luma.shape[1] < CELL:
        return cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    whole = np.ascontiguousarray(luma[: height * CELL, : width * CELL])
    half = cv2.resize(whole, (width * 2, height * 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(half, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)


def _median(values: Cells) -> float:
    if not len(values):
        return 0.0
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])
