"""A picture made of another one still has its persons where the boxes say."""

from __future__ import annotations

import numpy as np

from trainer.augment import LEAST_PX, Augmenter
from trainer.sample import Cutout, Sample

NONE = np.zeros((0, 4), np.float32)
SIZE = (160, 192)


def scene() -> Sample:
    image = np.full((288, 384, 3), 255, np.uint8)
    boxes = np.array([[60, 80, 90, 160], [200, 120, 240, 220], [300, 40, 330, 120]], np.float32)
    for x1, y1, x2, y2 in boxes.astype(int):
        image[y1:y2, x1:x2] = 0
    return Sample(image, boxes, NONE)


def person() -> Cutout:
    return Cutout(np.zeros((80, 40, 3), np.uint8), np.ones((80, 40), np.float32), np.array([0, 0, 40, 80], np.float32))


def drawn(count: int, seed: int = 7) -> list[Sample]:
    augmenter = Augmenter([scene()], [person()], [np.full((200, 300, 3), 255, np.uint8)], SIZE, seed)
    return [augmenter.draw() for _ in range(count)]


def test_every_picture_is_of_the_size_asked_and_every_box_within_it() -> None:
    for sample in drawn(60):
        assert sample.image.shape == (*SIZE, 3)
        assert sample.image.dtype == np.uint8
        for boxes in (sample.boxes, sample.ignored):
            assert (boxes[:, :2] >= 0).all()
            assert (boxes[:, 2] <= SIZE[1]).all()
            assert (boxes[:, 3] <= SIZE[0]).all()
        assert (sample.boxes[:, 3] - sample.boxes[:, 1] >= 0.4 * LEAST_PX).all()


def test_boxes_hold_the_dark_figures_they_were_drawn_round() -> None:
    contrasts = []
    for sample in drawn(80):
        grey = sample.image.astype(float).mean(axis=2)
        for x1, y1, x2, y2 in sample.boxes:
            wide, high = x2 - x1, y2 - y1
            inside = grey[int(y1 + high * 0.3) : int(y1 + high * 0.7) + 1, int(x1 + wide * 0.3) : int(x1 + wide * 0.7) + 1]
            contrasts.append(float(inside.mean()) < 0.6 * float(np.percentile(grey, 99)))
    assert len(contrasts) > 80
    assert np.mean(contrasts) > 0.95


def test_persons_are_shown_at_very_different_sizes() -> None:
    heights = np.concatenate([s.boxes[:, 3] - s.boxes[:, 1] for s in drawn(120)])
    assert np.percentile(heights, 10) < 35
    assert np.percentile(heights, 95) > 80


def test_the_same_seed_draws_the_same_pictures() -> None:
    for a, b in zip(drawn(10), drawn(10), strict=True):
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.boxes, b.boxes)
    assert not np.array_equal(drawn(1, 1)[0].image, drawn(1, 2)[0].image)
