"""A picture with its persons, and persons cut out of it to stand elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.boxes import Floats, covered
from trainer.labels import MOVED, Label

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """RGB HWC, persons and doubtful areas as xyxy pixels."""

    image: Image
    boxes: Floats
    ignored: Floats


@dataclass(frozen=True)
class Cutout:
    """A person without the ground it stood on: RGB, how much of each pixel is person, the box within the patch."""

    image: Image
    alpha: NDArray[np.float32]
    box: Floats


def cutouts(image: Image, scene: Image, label: Label, margin_px: int = 4) -> list[Cutout]:
    """Those who stand alone, by their difference from the empty scene."""
    others = np.concatenate([label.boxes, label.ignored])
    height, width = image.shape[:2]
    result = []
    for box in label.boxes:
        alone = (covered(box[None], others) > 0.02).sum() == 1
        x1, y1, x2, y2 = (int(v) for v in (box[0] - margin_px, box[1] - margin_px, box[2] + margin_px + 1, box[3] + margin_px + 1))
        if not alone or x1 < 0 or y1 < 0 or x2 > width or y2 > height:
            continue
        patch = image[y1:y2, x1:x2]
        alpha = _mask(patch, scene[y1:y2, x1:x2])
        if 0.2 < alpha.mean() < 0.75:
            result.append(Cutout(patch.copy(), alpha, (box - (x1, y1, x1, y1)).astype(np.float32)))
    return result


def _mask(patch: Image, scene: Image) -> NDArray[np.float32]:
    """The largest patch of difference, holes closed, edges soft."""
    different = (cv2.absdiff(patch, scene).max(axis=2) > MOVED).astype(np.uint8)
    closed = cv2.morphologyEx(different, cv2.MORPH_CLOSE, np.ones((7, 5), np.uint8))
    count, names, stats, _ = cv2.connectedComponentsWithStats(closed)
    if count < 2:
        return np.zeros(patch.shape[:2], np.float32)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return np.asarray(cv2.GaussianBlur((names == largest).astype(np.float32), (3, 3), 0), np.float32)
