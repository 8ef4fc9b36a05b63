"""A stronger, slower detector made stronger and slower still: it looks at overlapping tiles, and its answers vote."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.boxes import Floats, iou
from trainer.labels import Sighting
from vision.detector import Detector
from vision.planes import BgrPlanes
from vision.types import Image

TILES = ((288, 144), (192, 128))  # side and step in pixels: large and small persons
LABEL = "person"
LEAST = 0.2  # answers below are not even votes
EDGE = 0.02  # of a tile's side: a box that ends there was cut by the tile
TALLEST = 0.9  # of a tile's side
SAME = 0.5  # IoU of two answers about one person


def sight(detector: Detector, image: Image) -> Sighting:
    """`image` is BGR. `detector` must let answers of LEAST through."""
    height, width = image.shape[:2]
    wanted = detector.labels.index(LABEL)
    boxes, confidence = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
    for x, y, side in tiles(width, height):
        found = detector.detect(BgrPlanes(image[y : y + side, x : x + side]))
        found = found.pick(found.class_id == wanted)
        whole = _whole(found.xyxy, x, y, side, width, height)
        boxes.append(found.xyxy[whole] + np.array([x, y, x, y], np.float32))
        confidence.append(found.confidence[whole])
    return vote(np.concatenate(boxes), np.concatenate(confidence))


def tiles(width: int, height: int) -> list[tuple[int, int, int]]:
    """x, y and side of every tile; the last ones end with the picture."""
    result = []
    for side, step in TILES:
        xs = sorted({*range(0, max(width - side, 0) + 1, step), max(width - side, 0)})
        ys = sorted({*range(0, max(height - side, 0) + 1, step), max(height - side, 0)})
        result += [(x, y, side) for y in ys for x in xs]
    return result


def _whole(boxes: Floats, x: int, y: int, side: int, width: int, height: int) -> NDArray[np.bool_]:
    """Those a tile's edge did not cut; the picture's own edge may."""
    edge = EDGE * side
    left = (boxes[:, 0] > edge) | (x == 0)
    top = (boxes[:, 1] > edge) | (y == 0)
    right = (boxes[:, 2] < side - edge) | (x + side >= width)
    bottom = (boxes[:, 3] < side - edge) | (y + side >= height)
    return np.asarray(left & top & right & bottom & (boxes[:, 3] - boxes[:, 1] < TALLEST * side), bool)


def vote(boxes: Floats, confidence: NDArray[np.float32]) -> Sighting:
    """Answers about one person become one box, their mean weighted by confidence; how many there were is kept."""
    order = np.argsort(-confidence, kind="stable")
    boxes, confidence = boxes[order], confidence[order]
    free = np.ones(len(boxes), bool)
    means, best, votes = [], [], []
    for i in range(len(boxes)):
        if not free[i]:
            continue
        group = free & (iou(boxes[i : i + 1], boxes)[0] >= SAME)
        group[i] = True
        free &= ~group
        means.append(np.average(boxes[group], axis=0, weights=confidence[group]))
        best.append(confidence[i])
        votes.append(int(group.sum()))
    return Sighting(np.array(means, np.float32).reshape(-1, 4), np.array(best, np.float32), np.array(votes, np.int32))
