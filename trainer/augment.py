"""Makes a new picture of an old one: another place, size, light and camera, so that one scene teaches about others."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from trainer.boxes import Floats, covered, empty
from trainer.sample import Cutout, Image, Sample

LEAST_PX = 9.0  # persons lower than this in the result are not judged
VISIBLE = 0.45  # nor those of whom less than this is left in the picture
PERSON_PX = (14.0, 300.0)  # heights of persons the result should show


class Augmenter:
    """Draws samples of one size from whole frames, mosaics of them, and persons pasted on other grounds."""

    def __init__(
        self, samples: Sequence[Sample], people: Sequence[Cutout], grounds: Sequence[Image], size: tuple[int, int], seed: int
    ) -> None:
        self._samples = samples
        self._people = people
        self._grounds = grounds
        self._height, self._width = size
        self._random = np.random.default_rng(seed)

    def draw(self) -> Sample:
        kind = self._random.random()
        if kind < 0.55 or not self._people:
            sample = self._view(self._any(), self._height, self._width)
        elif kind < 0.7:
            sample = self._mosaic()
        else:
            sample = self._collage()
        image = _light(sample.image, self._random)
        return _camera(Sample(image, sample.boxes, sample.ignored), self._random)

    def _any(self) -> Sample:
        return self._samples[int(self._random.integers(len(self._samples)))]

    def _view(self, sample: Sample, height: int, width: int) -> Sample:
        """A part of the picture at a size drawn evenly on a log scale, turned and stretched a little."""
        random = self._random
        tall = float(np.median(sample.boxes[:, 3] - sample.boxes[:, 1])) if len(sample.boxes) else 80.0
        low, high = max(PERSON_PX[0] * 1.5 / tall, 0.33), PERSON_PX[1] * 0.6 / tall
        zoom = float(np.exp(random.uniform(np.log(low), np.log(high)))) if random.random() < 0.6 else float(random.uniform(0.5, 1.1))
        stretch = float(np.exp(random.normal(0, 0.1)))
        turn = np.deg2rad(random.normal(0, 3.0))
        flip = -1.0 if random.random() < 0.5 else 1.0
        a = zoom * stretch * flip * np.cos(turn)
        b = -zoom * np.sin(turn)
        c = zoom * flip * np.sin(turn)
        d = zoom * np.cos(turn)
        looked = self._looked_at(sample)
        spot = np.array([width, height]) * random.uniform(0.15, 0.85, 2)
        shift = spot - np.array([[a, b], [c, d]]) @ looked
        matrix = np.array([[a, b, shift[0]], [c, d, shift[1]]])
        return _warped(sample, matrix, height, width, random)

    def _looked_at(self, sample: Sample) -> Floats:
        if len(sample.boxes) and self._random.random() < 0.8:
            box = sample.boxes[int(self._random.integers(len(sample.boxes)))]
            return np.asarray((box[:2] + box[2:]) / 2, np.float32)
        height, width = sample.image.shape[:2]
        return np.asarray(self._random.uniform(0, 1, 2) * (width, height), np.float32)

    def _mosaic(self) -> Sample:
        """Four views side by side."""
        row = int(self._height * self._random.uniform(0.35, 0.65))
        column = int(self._width * self._random.uniform(0.35, 0.65))
        image = np.empty((self._height, self._width, 3), np.uint8)
        boxes, ignored = [empty()], [empty()]
        for y1, y2 in ((0, row), (row, self._height)):
            for x1, x2 in ((0, column), (column, self._width)):
                part = self._view(self._any(), y2 - y1, x2 - x1)
                image[y1:y2, x1:x2] = part.image
                shift = np.array([x1, y1, x1, y1], np.float32)
                boxes.append(part.boxes + shift)
                ignored.append(part.ignored + shift)
        return Sample(image, np.concatenate(boxes), np.concatenate(ignored))

    def _collage(self) -> Sample:
        """Persons on a ground they never stood on, at a size they never had."""
        random = self._random
        ground = self._grounds[int(random.integers(len(self._grounds)))]
        sample = _cover(ground, self._height, self._width, random)
        image = sample.image.astype(np.float32)
        placed = empty()
        scale_px = float(np.exp(random.uniform(np.log(PERSON_PX[0] * 1.5), np.log(PERSON_PX[1] * 0.9))))
        for _ in range(int(random.integers(0, 7))):
            person = self._people[int(random.integers(len(self._people)))]
            box = _paste(image, person, scale_px * float(np.exp(random.normal(0, 0.2))), placed, random)
            if box is not None:
                placed = np.concatenate([placed, box[None]])
        return Sample(image.astype(np.uint8), placed, empty())


def _warped(sample: Sample, matrix: Floats, height: int, width: int, random: np.random.Generator) -> Sample:
    shrink = abs(float(np.linalg.det(matrix[:, :2]))) < 0.5
    edge = cv2.BORDER_REPLICATE if random.random() < 0.2 else cv2.BORDER_CONSTANT  # mirrored persons would be unlabelled ones
    colour = tuple(float(v) for v in random.uniform(0, 255, 3))
    image = cv2.GaussianBlur(sample.image, (3, 3), 0) if shrink else sample.image
    image = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=edge, borderValue=colour)
    return _kept(np.asarray(image, np.uint8), _moved(sample.boxes, matrix), _moved(sample.ignored, matrix), height, width)


def _moved(boxes: Floats, matrix: Floats) -> Floats:
    """The boxes round the moved boxes. A person fills a box like an ellipse: its hull grows less than the corners' by turning."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt(half**2 @ (matrix[:, :2] ** 2).T)
    return np.concatenate([centre - reach, centre + reach], axis=1).astype(np.float32)


def _kept(image: Image, boxes: Floats, ignored: Floats, height: int, width: int) -> Sample:
    """Boxes cut at the border; those of whom little is left become areas that are not judged."""
    inside = np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
    whole = np.array([[0, 0, width, height]], np.float32)
    share = covered(boxes, whole)[:, 0]
    good = (share >= VISIBLE) & (boxes[:, 3] - boxes[:, 1] >= LEAST_PX)
    seen = share > 0
    areas = np.concatenate([ignored, inside[~good & seen]])
    return Sample(image, inside[good], np.clip(areas, 0, [width, height, width, height]).astype(np.float32))


def _cover(ground: Image, height: int, width: int, random: np.random.Generator) -> Sample:
    """A part of a still, large enough to fill the picture."""
    scale = max(height / ground.shape[0], width / ground.shape[1]) * float(random.uniform(1.0, 2.0))
    flip = -1.0 if random.random() < 0.5 else 1.0
    wide, high = ground.shape[1] * scale, ground.shape[0] * scale
    x = float(random.uniform(0, wide - width)) if wide > width else 0.0
    y = float(random.uniform(0, high - height)) if high > height else 0.0
    matrix = np.array([[scale * flip, 0, -x if flip > 0 else wide - x], [0, scale, -y]])
    image = cv2.warpAffine(ground, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return Sample(np.asarray(image, np.uint8), empty(), empty())


def _paste(image: Floats, person: Cutout, tall_px: float, placed: Floats, random: np.random.Generator) -> Floats | None:
    """Puts a person into the picture; None where it would hide another."""
    scale = tall_px / float(person.box[3] - person.box[1])
    size = (max(int(person.image.shape[1] * scale), 4), max(int(person.image.shape[0] * scale), 8))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    patch = cv2.resize(person.image, size, interpolation=how).astype(np.float32)
    alpha = cv2.resize(person.alpha, size, interpolation=how)[..., None]
    box = person.box * np.array([size[0] / person.image.shape[1], size[1] / person.image.shape[0]] * 2, np.float32)
    if random.random() < 0.5:
        patch, alpha = patch[:, ::-1], alpha[:, ::-1]
        box = np.array([size[0] - box[2], box[1], size[0] - box[0], box[3]], np.float32)
    height, width = image.shape[:2]
    if size[0] >= width or size[1] >= height:
        return None
    x, y = int(random.integers(0, width - size[0])), int(random.integers(0, height - size[1]))
    box = (box + np.array([x, y, x, y])).astype(np.float32)
    if len(placed) and covered(placed, box[None]).max() > 0.4:
        return None
    under = image[y : y + size[1], x : x + size[0]]
    under += (patch - under) * alpha
    return np.asarray(box, np.float32)


def _light(image: Image, random: np.random.Generator) -> Image:
    """Another hour, weather or white balance; sometimes no colour at all."""
    x = image.astype(np.float32) / 255
    x = x ** float(np.exp(random.normal(0, 0.3)))
    x = (x - 0.5) * float(random.uniform(0.6, 1.35)) + 0.5 + float(random.normal(0, 0.08))
    x = x * random.uniform(0.85, 1.15, 3)
    grey = x @ np.array([0.299, 0.587, 0.114])
    x = grey[..., None] + (x - grey[..., None]) * (0.0 if random.random() < 0.1 else float(random.uniform(0.4, 1.5)))
    if random.random() < 0.25:  # clothes and grass of other colours
        x = x[..., random.permutation(3)]
    return np.asarray(np.clip(x, 0, 1) * 255, np.uint8)


def _camera(sample: Sample, random: np.random.Generator) -> Sample:
    """A worse lens, sensor and encoder."""
    image = sample.image
    if random.random() < 0.3:
        kernel = int(random.choice([3, 5]))
        image = np.asarray(cv2.GaussianBlur(image, (kernel, kernel), 0), np.uint8)
    if random.random() < 0.3:
        noise = random.normal(0, float(random.uniform(2, 12)), image.shape)
        image = np.asarray(np.clip(image + noise, 0, 255), np.uint8)
    if random.random() < 0.3:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 85))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return Sample(image, sample.boxes, sample.ignored)
