"""Augmenting: another place, size, light and camera for a picture and its boxes; every choice is of the random numbers given."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.boxes import Floats, covered
from trainer.train.config import Augment
from trainer.train.example import Example, Image, Marks
from trainer.train.light import camera, light

Random = np.random.Generator
Draw = Callable[[int], tuple[Example, Image]]


class Augmenter:
    """Pictures of one size. It holds nothing that changes, so threads may share it."""

    def __init__(self, options: Augment, size: tuple[int, int], draw: Draw, count: int) -> None:
        self._options, self._draw, self._count = options, draw, count
        self._height, self._width = size

    def sample(self, index: int, random: Random, mosaic: bool = True) -> tuple[Image, Marks]:
        """The picture of that number, alone or with three that chance adds."""
        if mosaic and random.random() < self._options.mosaic:
            image, marks = self._mosaic(index, random)
        else:
            image, marks = self._view(index, self._height, self._width, random)
        return camera(light(image, self._options, random), self._options, random), marks

    def _mosaic(self, index: int, random: Random) -> tuple[Image, Marks]:
        row = int(self._height * random.uniform(0.35, 0.65))
        column = int(self._width * random.uniform(0.35, 0.65))
        image = np.empty((self._height, self._width, 3), np.uint8)
        parts: list[Marks] = []
        for y1, y2 in ((0, row), (row, self._height)):
            for x1, x2 in ((0, column), (column, self._width)):
                part, marks = self._view(index, y2 - y1, x2 - x1, random)
                image[y1:y2, x1:x2] = part
                shift = np.array([x1, y1, x1, y1], np.float32)
                parts.append(Marks(marks.boxes + shift, marks.kinds, marks.ignored + shift, marks.ignored_kinds))
                index = int(random.integers(self._count))
        return image, Marks(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.kinds for part in parts]),
            np.concatenate([part.ignored for part in parts]),
            np.concatenate([part.ignored_kinds for part in parts]),
        )

    def _view(self, index: int, height: int, width: int, random: Random) -> tuple[Image, Marks]:
        """The whole picture or a part of it at another size, perhaps turned over."""
        example, picture = self._draw(index)
        options = self._options
        fill = min(width / example.width, height / example.height)
        zoom = fill * float(np.exp(random.uniform(np.log(options.scale[0]), np.log(options.scale[1]))))
        across = zoom * float(np.exp(random.normal(0, options.stretch))) * (-1 if random.random() < options.flip else 1)
        down = zoom * (-1 if random.random() < options.flip_vertical else 1)
        at = np.array([example.width, example.height]) / 2
        spot = np.array([width, height]) / 2
        if random.random() < options.crop:
            at, spot = self._looked_at(example, random), spot * random.uniform(0.3, 1.7, 2)
        shift = spot - at * (across, down)
        matrix = np.array([[across, 0, shift[0]], [0, down, shift[1]]])
        image = _warped(picture, matrix, height, width, random)
        return image, kept(example.marks, matrix, height, width, options)

    def _looked_at(self, example: Example, random: Random) -> NDArray[np.float64]:
        boxes = example.marks.boxes
        if len(boxes) and random.random() < 0.8:
            box = boxes[int(random.integers(len(boxes)))]
            return np.asarray((box[:2] + box[2:]) / 2, np.float64)
        return np.asarray(random.uniform(0, 1, 2) * (example.width, example.height))


def _warped(picture: Image, matrix: NDArray[np.float64], height: int, width: int, random: Random) -> Image:
    """Shrunk by area first where it shrinks, or fine patterns would alias; what lies beyond the picture is one colour."""
    shrink = min(abs(matrix[0, 0]), abs(matrix[1, 1]))
    if shrink < 0.6:
        small = max(1, round(picture.shape[1] * shrink)), max(1, round(picture.shape[0] * shrink))
        ratio = np.array([picture.shape[1] / small[0], picture.shape[0] / small[1], 1.0])
        picture, matrix = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8), matrix * ratio
    colour = tuple(float(value) for value in random.uniform(0, 255, 3))
    warped = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=colour)
    return np.asarray(warped, np.uint8)


def kept(marks: Marks, matrix: NDArray[np.float64], height: int, width: int, options: Augment) -> Marks:
    """Boxes moved and cut at the border; a thing of which too little is left is not judged, and neither asked for."""
    whole = np.array([[0, 0, width, height]], np.float32)
    moved = _moved(marks.boxes, matrix)
    share = covered(moved, whole)[:, 0]
    inside = _cut(moved, height, width)
    large = (inside[:, 2:] - inside[:, :2]).min(axis=1) >= options.min_px if len(inside) else np.zeros(0, bool)
    good, doubtful = (share >= options.min_visible) & large, share > 0
    doubtful &= ~good
    return Marks(
        inside[good],
        marks.kinds[good],
        np.concatenate([_cut(_moved(marks.ignored, matrix), height, width), inside[doubtful]]),
        np.concatenate([marks.ignored_kinds, marks.kinds[doubtful]]),
    )


def _moved(boxes: Floats, matrix: NDArray[np.float64]) -> Floats:
    a = boxes[:, :2] * (matrix[0, 0], matrix[1, 1]) + matrix[:, 2]
    b = boxes[:, 2:] * (matrix[0, 0], matrix[1, 1]) + matrix[:, 2]
    return np.concatenate([np.minimum(a, b), np.maximum(a, b)], axis=1).astype(np.float32)


def _cut(boxes: Floats, height: int, width: int) -> Floats:
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)
