"""A picture with its boxes drawn in: for people, never for a model."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vision.types import Detections, Image

COLOURS = ((60, 200, 255), (240, 120, 220), (120, 220, 90), (255, 180, 70), (90, 120, 255), (200, 230, 120))  # BGR, apart from one another
FONT = cv2.FONT_HERSHEY_SIMPLEX


def annotate(picture: Image, detections: Detections, labels: Sequence[str] = ()) -> Image:
    """A copy of a BGR picture; one colour a track where there are tracks, else one a class."""
    drawn: Image = picture.copy()
    thick = max(1, round(min(picture.shape[:2]) / 300))
    for row in range(len(detections)):
        x1, y1, x2, y2 = (int(v) for v in np.nan_to_num(detections.xyxy[row]).clip(-1e6, 1e6))
        number = _number(detections, row)
        colour = COLOURS[number % len(COLOURS)]
        cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, thick)
        _label(drawn, (x1, y1), _words(detections, row, labels), colour, thick)
    return drawn


def _number(detections: Detections, row: int) -> int:
    tracks = detections.data.get("track")
    return int(tracks[row]) if tracks is not None and tracks[row] >= 0 else int(detections.class_id[row])


def _words(detections: Detections, row: int, labels: Sequence[str]) -> str:
    class_id = int(detections.class_id[row])
    name = labels[class_id] if 0 <= class_id < len(labels) else str(class_id)
    tracks = detections.data.get("track")
    track = f" #{int(tracks[row])}" if tracks is not None and tracks[row] >= 0 else ""
    return f"{name}{track} {detections.confidence[row]:.2f}"


def _label(drawn: Image, corner: tuple[int, int], words: str, colour: tuple[int, int, int], thick: int) -> None:
    """Above the box, or inside it where there is no room above; never beyond the picture's right edge."""
    scale = 0.4 + 0.1 * thick
    (width, height), base = cv2.getTextSize(words, FONT, scale, 1)
    x = max(0, min(corner[0], drawn.shape[1] - width))
    y = corner[1] if corner[1] > height + base else corner[1] + height + base
    cv2.rectangle(drawn, (x, y - height - base), (x + width, y), colour, -1)
    cv2.putText(drawn, words, (x, y - base // 2 - 1), FONT, scale, (20, 20, 20), 1, cv2.LINE_AA)
