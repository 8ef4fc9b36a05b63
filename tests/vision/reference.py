"""What heads should answer, written as plain loops over plain numbers and nothing of the product."""

from __future__ import annotations

import math
from collections.abc import Sequence

Box = tuple[float, float, float, float, float, int]  # x1, y1, x2, y2, confidence, class


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def nms(boxes: Sequence[Box], most: float) -> list[Box]:
    """Greedy, class by class; what comes first of equals stays."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box[4]):
        if all(other[5] != box[5] or iou(other, box) <= most for other in kept):
            kept.append(box)
    return kept


def grid(rows: Sequence[Sequence[float]], floors: Sequence[float], most: float, objectness: bool) -> list[Box]:
    """YOLO: rows of cx, cy, w, h, [objectness,] scores."""
    boxes: list[Box] = []
    for row in rows:
        first = 5 if objectness else 4
        best, score = 0, -1.0
        for number, value in enumerate(row[first:]):
            if value > score:
                best, score = number, value
        confidence = score * row[4] if objectness else score
        if confidence >= floors[best]:
            cx, cy, w, h = row[:4]
            boxes.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, confidence, best))
    return nms(boxes, most)


def ssd_anchors() -> list[tuple[float, float, float, float]]:
    """Centre x, centre y, width, height of the 1917 anchors of SSD MobileNet at 300 pixels."""
    made = []
    for layer, cells in enumerate([19, 10, 5, 3, 2, 1]):
        scale = 0.2 + 0.15 * layer
        following = 1.0 if layer == 5 else scale + 0.15
        for row in range(cells):
            for column in range(cells):
                if layer == 0:
                    kinds = [(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)]
                else:
                    kinds = [(scale, aspect) for aspect in (1.0, 2.0, 0.5, 3.0, 1 / 3)]
                    kinds.append((math.sqrt(scale * following), 1.0))
                for size, aspect in kinds:
                    width, height = size * math.sqrt(aspect), size / math.sqrt(aspect)
                    made.append(((column + 0.5) / cells, (row + 0.5) / cells, width, height))
    return made


def ssd(
    codes: Sequence[Sequence[float]], logits: Sequence[Sequence[float]], floors: Sequence[float], most: float, size: tuple[int, int]
) -> list[Box]:
    height, width = size
    boxes: list[Box] = []
    for anchor, (ty, tx, th, tw), scores in zip(ssd_anchors(), codes, logits, strict=True):
        best = max(range(1, len(scores)), key=lambda number: scores[number])
        confidence = 1 / (1 + math.exp(-scores[best]))
        if confidence < floors[best - 1]:
            continue
        cx, cy = anchor[0] + tx / 10 * anchor[2], anchor[1] + ty / 10 * anchor[3]
        w, h = anchor[2] * math.exp(tw / 5), anchor[3] * math.exp(th / 5)
        left, top, right, bottom = (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height
        boxes.append((left, top, right, bottom, confidence, best - 1))
    return nms(boxes, most)
