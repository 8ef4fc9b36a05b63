"""Ssd: box encodings (1, N, 4) and class scores (1, N, 1+C) over fixed anchors, the layout of SSD MobileNet models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vision.boxes import sift, suppress
from vision.heads.head import output, unlike
from vision.strict import Strict
from vision.types import Detections


class SsdOptions(Strict):
    grids: tuple[int, ...] = Field(default=(19, 10, 5, 3, 2, 1), min_length=2, description="cells on a side of each layer, finest first")
    min_scale: float = Field(default=0.2, gt=0, le=1, description="side of the finest layer's anchors, of the input's side")
    max_scale: float = Field(default=0.95, gt=0, le=1, description="side of the coarsest layer's anchors")
    scores: Literal["logits", "probabilities"] = "logits"
    boxes_output: int = Field(default=0, ge=0, description="which of the model's outputs has the box encodings")
    scores_output: int = Field(default=1, ge=0, description="which has the class scores, the background first")
    candidates: int = Field(default=1024, ge=1, description="at most so many boxes, the best, are compared with one another")


class Ssd:
    """A box is coded as (y, x, h, w): its centre's way from the anchor's, in tenths of it, and the log of its size, in fifths."""

    Options = SsdOptions

    def __init__(self, floors: NDArray[np.float32], iou: float, options: SsdOptions) -> None:
        self._floors, self._iou, self._options = floors, iou, options
        self._anchors = anchors(options)
        least = float(floors.min())
        self._least = _logit(least) if options.scores == "logits" else least

    def __call__(self, outputs: Sequence[NDArray[Any]], shape: tuple[int, int]) -> Detections:
        codes = self._output(outputs, self._options.boxes_output, 4)
        scores = self._output(outputs, self._options.scores_output, 1 + len(self._floors))[:, 1:]
        with np.errstate(over="ignore", invalid="ignore"):  # a hostile model's infinities are dropped below
            highest = scores.max(axis=1)
            kept = np.flatnonzero(highest >= self._least)
            confidence = highest[kept]
            if self._options.scores == "logits":
                confidence = (1 / (1 + np.exp(-confidence))).astype(np.float32)
            xyxy = _decoded(codes[kept], self._anchors[kept]) * np.array([shape[1], shape[0]] * 2, np.float32)
            boxes = sift(xyxy, confidence, scores[kept].argmax(axis=1), self._floors, self._options.candidates)
        return suppress(boxes, self._iou)

    def _output(self, outputs: Sequence[NDArray[Any]], number: int, columns: int) -> NDArray[np.float32]:
        expected = f"(1, {len(self._anchors)}, {columns}) as output {number} for {len(self._floors)} labels"
        tensor = output(outputs, number, "ssd", expected)
        if tensor.shape != (len(self._anchors), columns):
            raise unlike("ssd", expected, outputs[number])
        return tensor


def anchors(options: SsdOptions) -> NDArray[np.float32]:
    """(N, 4) of centre x, centre y, width, height as shares of the input: layer by layer, row by row, cell by cell.

    The finest layer has three anchors a cell, the others five aspects and one of a size between this layer's and the next.
    """
    steps = len(options.grids) - 1
    scales = [options.min_scale + (options.max_scale - options.min_scale) * layer / steps for layer in range(steps + 1)] + [1.0]
    layers = []
    for layer, grid in enumerate(options.grids):
        scale, between = scales[layer], (scales[layer] * scales[layer + 1]) ** 0.5
        kinds = [(aspect, scale) for aspect in (1.0, 2.0, 0.5, 3.0, 1 / 3)] + [(1.0, between)]
        if layer == 0:
            kinds = [(1.0, options.min_scale / 2), (2.0, scale), (0.5, scale)]
        layers.append(_cells(grid, kinds))
    return np.concatenate(layers).astype(np.float32)


def _cells(grid: int, kinds: list[tuple[float, float]]) -> NDArray[np.float64]:
    middle = (np.arange(grid) + 0.5) / grid
    y, x = np.meshgrid(middle, middle, indexing="ij")
    sizes = np.array([(scale * aspect**0.5, scale / aspect**0.5) for aspect, scale in kinds])
    places = np.stack([x.ravel(), y.ravel()], axis=1).repeat(len(kinds), axis=0)
    return np.concatenate([places, np.tile(sizes, (grid * grid, 1))], axis=1)


def _decoded(codes: NDArray[np.float32], anchor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corners as shares of the input."""
    centre = anchor[:, :2] + codes[:, 1::-1] / 10 * anchor[:, 2:]
    half = np.exp(codes[:, :1:-1] / 5) * anchor[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _logit(share: float) -> float:
    """A little below, so that rounding never drops a score that stands exactly on the floor; `sift` decides."""
    if share <= 0:
        return -np.inf
    return np.inf if share > 1 else float(-np.log(1 / share - 1 + 1e-9) - 1e-3)
