"""What comes in as boxes: only finite ones with an area, inside the frame, and not more than a stage can bear."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vision.types import Detections


def sound(found: Detections, width: int, height: int, most: int) -> tuple[Detections, Mapping[str, int]]:
    """The boxes clipped to the frame, the `most` confident ones, and how many were refused, by reason.

    A frame without a size (0 by 0) does not clip. Boxes that are fine come back as the same object.
    """
    if not len(found):
        return found, {}
    refused: dict[str, int] = {}
    finite = np.isfinite(found.xyxy).all(axis=1) & np.isfinite(found.confidence)
    if not finite.all():
        refused["not finite"] = int(np.count_nonzero(~finite))
        found = found.pick(finite)
    found = _clipped(found, width, height)
    x1, y1, x2, y2 = found.xyxy.T
    area = (x2 > x1) & (y2 > y1)
    if not area.all():
        refused["no area"] = int(np.count_nonzero(~area))
        found = found.pick(area)
    if len(found) > most:
        refused["too many"] = len(found) - most
        found = found.pick(np.sort(np.argsort(-found.confidence, kind="stable")[:most]))
    return found, refused


def _clipped(found: Detections, width: int, height: int) -> Detections:
    if not (width and height and len(found)):
        return found
    limit = np.array([width, height, width, height], np.float32)
    clipped = np.clip(found.xyxy, 0, limit)
    certain = np.clip(found.confidence, 0, 1)
    if np.array_equal(clipped, found.xyxy) and np.array_equal(certain, found.confidence):
        return found
    return Detections(clipped, certain, found.class_id, found.data, found.status)
