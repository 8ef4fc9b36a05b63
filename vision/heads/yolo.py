"""Yolo: the grid layouts of the YOLO family, v8, v9 and 11 (1, 4+C, N) and v5 with objectness (1, N, 5+C)."""

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


class YoloOptions(Strict):
    variant: Literal["v8", "v5"] = "v8"  # v5: a column of objectness before the classes, and rows by default
    boxes: Literal["xywh", "xyxy"] = "xywh"  # centre and size, or corners
    units: Literal["pixels", "share"] = "pixels"  # share: of the input's width and height, 0 to 1
    output: int = Field(default=0, ge=0, description="which of the model's outputs")
    candidates: int = Field(default=4096, ge=1, description="at most so many boxes, the best, are compared with one another")


class Yolo:
    Options = YoloOptions

    def __init__(self, floors: NDArray[np.float32], iou: float, options: YoloOptions) -> None:
        self._floors, self._iou, self._options = floors, iou, options
        self._least = floors.min()
        self._head = 5 if options.variant == "v5" else 4

    def __call__(self, outputs: Sequence[NDArray[Any]], shape: tuple[int, int]) -> Detections:
        columns = self._columns(outputs)
        with np.errstate(over="ignore", invalid="ignore"):  # a hostile model's infinities are dropped below
            kept, confidence = self._confident(columns)
            best = columns[self._head :, kept].argmax(axis=0)
            xyxy = self._corners(columns[:4, kept].T, shape)
            boxes = sift(xyxy, confidence, best, self._floors, self._options.candidates)
        return suppress(boxes, self._iou)

    def _columns(self, outputs: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """A row of numbers for each coordinate and class; either way round is taken, the variant's own when both fit."""
        wide = self._head + len(self._floors)
        expected = f"(1, {wide}, N) or (1, N, {wide}) for {len(self._floors)} labels"
        tensor = output(outputs, self._options.output, "yolo", expected)
        axes = [axis for axis in ((0, 1) if self._options.variant == "v8" else (1, 0)) if tensor.shape[axis] == wide]
        if not axes:
            raise unlike("yolo", expected, outputs[self._options.output])
        return tensor if axes[0] == 0 else tensor.T

    def _confident(self, columns: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The places worth looking at: filtering comes before all other work, which then is next to nothing."""
        if self._options.variant == "v8":
            confidence = columns[4:].max(axis=0)
            kept = np.flatnonzero(confidence >= self._least)
            return kept, confidence[kept]
        objectness = columns[4]
        kept = np.flatnonzero(objectness >= self._least)  # a class is at most 1, so the product is no larger than this
        confidence = objectness[kept] * columns[5:, kept].max(axis=0)
        return kept, confidence

    def _corners(self, boxes: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        if self._options.boxes == "xywh":
            half = boxes[:, 2:] / 2
            boxes = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
        if self._options.units == "share":
            boxes = boxes * np.array([shape[1], shape[0]] * 2, np.float32)
        return boxes
