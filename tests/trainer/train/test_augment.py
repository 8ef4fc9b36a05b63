"""Augmenting: boxes go where the things go, and every choice is of the random numbers given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.train.worlds import scene
from trainer.boxes import iou
from trainer.train.augment import Augmenter, kept
from trainer.train.config import Augment
from trainer.train.example import EVERY, Example, Image, Marks
from trainer.train.goals import goal
from trainer.train.light import light

STILL = {
    "flip": 0, "flip_vertical": 0, "scale": (1, 1), "stretch": 0, "crop": 0, "mosaic": 0, "brightness": 0, "contrast": 0,
    "saturation": 0, "hue": 0, "gamma": 0, "blur": 0, "noise": 0, "jpeg": 0,
}  # fmt: skip


def options(**values: object) -> Augment:
    return Augment.model_validate({**STILL, **values})


def shown(seed: int) -> tuple[Example, Image]:
    """The red balls alone, RGB."""
    image, marks = scene(seed)
    balls = [mark.bbox for mark in marks if mark.category == "ball"]
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in balls], np.float32).reshape(-1, 4)
    known = Marks(boxes, np.zeros(len(boxes), np.int64), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    return Example(f"i{seed}", Path("none"), 128, 96, "", known, None), np.ascontiguousarray(image[..., ::-1])


def augmenter(**values: object) -> Augmenter:
    return Augmenter(options(**values), (96, 128), shown, 30)


def reds(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The balls' own colour, which what lies beyond a picture hardly ever gets."""
    return np.asarray((np.abs(image.astype(int) - (220, 30, 30)) < 14).all(axis=2))


def test_with_everything_off_a_picture_of_the_inputs_size_stays_as_it_is() -> None:
    image, marks = augmenter().sample(3, np.random.default_rng(1))
    example, before = shown(3)
    assert np.array_equal(image, before)
    assert np.array_equal(marks.boxes, example.marks.boxes)


@pytest.mark.parametrize(
    "change",
    [{"flip": 1}, {"flip_vertical": 1}, {"scale": (0.5, 0.5)}, {"scale": (1.6, 1.6)}, {"crop": 1}, {"stretch": 0.3}, {"mosaic": 1}],
    ids=lambda change: next(iter(change)),
)
def test_boxes_stay_on_the_things(change: dict[str, object]) -> None:
    """What is red lies in a box or in a region that is not judged, and boxes fit the red in them."""
    made = augmenter(**change, min_px=6, min_visible=0.3)
    total = fits = 0
    for seed in range(30):
        image, marks = made.sample(seed, np.random.default_rng(seed))
        red = reds(image)
        covered = np.zeros(red.shape, bool)
        for x1, y1, x2, y2 in np.concatenate([marks.boxes, marks.ignored]):
            covered[max(0, int(y1) - 1) : int(np.ceil(y2)) + 1, max(0, int(x1) - 1) : int(np.ceil(x2)) + 1] = True
        assert not (red & ~covered).sum() > 3
        for box in marks.boxes:
            x1, y1, x2, y2 = (round(float(v)) for v in box)
            rows, columns = np.nonzero(red[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2])
            if len(rows) < 20:
                continue
            tight = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
            tight += np.array([max(x1 - 2, 0), max(y1 - 2, 0)] * 2, np.float32)
            total += 1
            fits += int(iou(tight, box[None])[0, 0] > 0.6)
    assert total > 15
    assert fits >= 0.9 * total


def test_the_same_numbers_give_the_same_picture_and_others_another() -> None:
    made = Augmenter(Augment(), (96, 128), shown, 30)
    one, two, three = (made.sample(5, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1].boxes, two[1].boxes)
    assert not np.array_equal(one[0], three[0])


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue", "gamma"])
def test_each_change_of_light_is_an_option_of_its_own(name: str) -> None:
    image = shown(2)[1]
    assert np.array_equal(light(image, options(), np.random.default_rng(1)), image)
    changed = light(image, options(**{name: 90.0 if name == "hue" else 0.5}), np.random.default_rng(1))
    assert changed.shape == image.shape
    assert np.abs(changed.astype(int) - image).mean() > 1


@pytest.mark.parametrize("name", ["blur", "noise", "jpeg"])
def test_a_worse_camera_is_an_option_too(name: str) -> None:
    image, _ = augmenter(**{name: 1}).sample(3, np.random.default_rng(1))
    assert not np.array_equal(image, shown(3)[1])


def test_a_thing_of_which_too_little_is_left_is_neither_asked_for_nor_held_against() -> None:
    marks = Marks(
        np.array([[0, 0, 20, 20], [60, 40, 80, 60]], np.float32), np.array([1, 0]), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    )
    matrix = np.array([[1.0, 0, -15], [0, 1.0, 0]])
    found = kept(marks, matrix, 96, 128, options(min_visible=0.5))
    assert found.boxes.tolist() == [[45, 40, 65, 60]]
    assert found.ignored.tolist() == [[0, 0, 5, 20]]
    assert found.ignored_kinds.tolist() == [1]
    small = kept(marks, np.array([[0.1, 0, 0], [0, 0.1, 0]]), 96, 128, options(min_px=4))
    assert len(small.boxes) == 0
    assert len(small.ignored) == 2


def test_a_region_of_one_class_is_judged_for_the_others() -> None:
    marks = Marks(
        np.array([[16, 16, 32, 32]], np.float32),
        np.array([1]),
        np.array([[0, 0, 64, 64], [96, 0, 128, 32]], np.float32),
        np.array([1, EVERY]),
    )
    made = goal(marks, 96, 128, 3)
    assert made.judged.shape == (3, 12, 16)
    assert made.judged[0, :8, :8].all()
    assert not made.judged[1, 6, 6]
    assert made.judged[1, 3, 3]  # the labelled thing itself
    assert made.centre[1, 3, 3] == 1
    assert not made.judged[:, :4, 12:].any()
    assert made.judged[:, 8:].all()
