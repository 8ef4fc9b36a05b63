"""End2end: networks that rank their own boxes, (1, N, 6) rows of x1, y1, x2, y2, score, class."""

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

COLUMNS = 6
EXPECTED = "(1, N, 6) of x1, y1, x2, y2, score, class"


class End2endOptions(Strict):
    nms: Literal["none", "per_class"] = "none"  # per_class: for networks that give a thing twice
    units: Literal["pixels", "share"] = "pixels"  # share: of the input's width and height, 0 to 1
    output: int = Field(default=0, ge=0, description="which of the model's outputs")
    candidates: int = Field(default=4096, ge=1, description="at most so many boxes, the best, are kept")


class End2end:
    Options = End2endOptions

    def __init__(self, floors: NDArray[np.float32], iou: float, options: End2endOptions) -> None:
        self._floors, self._iou, self._options = floors, iou, options
        self._least = floors.min()

    def __call__(self, outputs: Sequence[NDArray[Any]], shape: tuple[int, int]) -> Detections:
        rows = output(outputs, self._options.output, "end2end", EXPECTED)
        if rows.shape[1] != COLUMNS:
            raise unlike("end2end", EXPECTED, outputs[self._options.output])
        with np.errstate(over="ignore", invalid="ignore"):  # a hostile model's infinities are dropped below
            rows = rows[(rows[:, 4] >= self._least) & (rows[:, 5] == np.floor(rows[:, 5]))]
            xyxy = rows[:, :4]
            if self._options.units == "share":
                xyxy = xyxy * np.array([shape[1], shape[0]] * 2, np.float32)
            boxes = sift(xyxy, rows[:, 4], rows[:, 5], self._floors, self._options.candidates)
        return suppress(boxes, self._iou) if self._options.nms == "per_class" else boxes
