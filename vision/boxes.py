"""Boxes: what every head does with its candidates, sifting them and keeping one of those that overlap."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import Detections

FAR_PX = 1e5  # coordinates beyond are cut: no picture reaches there, and sums of them stay exact


def sift(
    xyxy: NDArray[np.float32], confidence: NDArray[np.float32], class_id: NDArray[Any], floors: NDArray[np.float32], limit: int
) -> Detections:
    """Rows that are boxes of a known class at or above its floor, best first, at most `limit`; the rest are dropped.

    Dropped: anything not finite, a side of no length, a class number without a label.
    """
    known = (class_id >= 0) & (class_id < len(floors)) & np.isfinite(confidence) & np.isfinite(xyxy).all(axis=1)
    xyxy, confidence, class_id = xyxy[known].clip(-FAR_PX, FAR_PX), confidence[known].clip(None, 1), class_id[known].astype(np.int32)
    good = (confidence >= floors[class_id]) & (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(-confidence[rows], kind="stable")][:limit]
    return Detections(xyxy[rows], confidence[rows], class_id[rows])


def suppress(boxes: Detections, iou: float) -> Detections:
    """Non-maximum suppression within each class: of boxes that overlap more than `iou` the most confident stays, best first.

    OpenCV moves each class to a place of its own by the largest coordinate; it must not meet negative ones, or classes touch.
    """
    if len(boxes) < 2:
        return boxes
    corner = boxes.xyxy[:, :2].min(axis=0)
    xywh = np.empty((len(boxes), 4))
    xywh[:, :2] = boxes.xyxy[:, :2] - corner
    xywh[:, 2:] = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    rows = cv2.dnn.NMSBoxesBatched(xywh, boxes.confidence, boxes.class_id, -1.0, iou)  # type: ignore[arg-type]  # its stubs know lists only
    return boxes.pick(np.sort(np.asarray(rows, np.int64)))


def overlap(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union of every box of `a` with every box of `b`."""
    a, b = np.asarray(a, np.float64)[:, None], np.asarray(b, np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common = np.prod(sides.clip(0), axis=-1)
    union = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0), np.float64)
