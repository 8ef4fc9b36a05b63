"""Labels: what moves, lasts and is agreed on; tiles, votes, and persons cut out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.boxes import covered, iou
from trainer.labels import Label, Sighting, empty_scene, labels, moved
from trainer.sample import cutouts
from trainer.teacher import tiles, vote

NONE = np.zeros((0, 4), np.float32)


def sighting(*rows: tuple[float, float, float, float, float, int]) -> Sighting:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Sighting(table[:, :4], table[:, 4], table[:, 5].astype(np.int32))


def filled(*shares: float) -> NDArray[np.float32]:
    return np.array(shares, np.float32)


def test_a_sure_box_that_moved_is_a_person_and_a_still_one_is_not() -> None:
    seen = sighting((10, 10, 30, 60, 0.7, 5), (100, 10, 120, 60, 0.7, 5))
    result = labels({0: seen}, {0: filled(0.5, 0.01)})[0]
    assert result.boxes.tolist() == [[10, 10, 30, 60]]
    assert len(result.ignored) == 0


def test_a_doubtful_box_is_a_person_when_the_frames_beside_it_say_so() -> None:
    sure, doubtful = (10, 10, 30, 60, 0.7, 5), (11, 10, 31, 60, 0.3, 1)
    frames = {0: sighting(sure), 2: sighting(doubtful), 4: sighting(sure)}
    shares = {i: filled(0.5) for i in frames}
    assert len(labels(frames, shares)[2].boxes) == 1
    alone = labels({0: sighting(), 2: sighting(doubtful), 4: sighting()}, {0: filled(), 2: filled(0.5), 4: filled()})[2]
    assert len(alone.boxes) == 0
    assert alone.ignored.tolist() == [[11, 10, 31, 60]]


def test_a_person_missed_between_two_frames_is_filled_in_halfway() -> None:
    frames = {0: sighting((10, 10, 30, 60, 0.7, 5)), 2: sighting(), 4: sighting((18, 10, 38, 60, 0.7, 5))}
    result = labels(frames, {0: filled(0.5), 2: filled(), 4: filled(0.5)})[2]
    assert result.boxes.tolist() == [[14, 10, 34, 60]]


def test_a_weak_box_inside_a_strong_one_is_a_part_of_that_person() -> None:
    seen = sighting((10, 10, 30, 60, 0.7, 5), (12, 15, 28, 55, 0.55, 4))
    result = labels({0: seen}, {0: filled(0.5, 0.5)})[0]
    assert result.boxes.tolist() == [[10, 10, 30, 60]]
    assert len(result.ignored) == 0


def test_the_empty_scene_has_nobody_who_walks() -> None:
    frames = [np.full((40, 60, 3), 100, np.uint8) for _ in range(5)]
    for i, frame in enumerate(frames):
        frame[10:30, 10 * i : 10 * i + 8] = 0
    scene = empty_scene(frames)
    assert (scene == 100).all()
    shares = moved(frames[2], scene, np.array([[20, 10, 27, 29], [40, 10, 47, 29]], np.float32))
    assert shares.tolist() == [1.0, 0.0]


def test_answers_about_one_person_become_one_box_and_are_counted() -> None:
    boxes = np.array([[10, 10, 30, 60], [12, 10, 32, 60], [100, 0, 120, 50]], np.float32)
    result = vote(boxes, np.array([0.6, 0.6, 0.3], np.float32))
    assert np.allclose(result.boxes, [[11, 10, 31, 60], [100, 0, 120, 50]])
    assert result.votes.tolist() == [2, 1]
    assert len(vote(NONE, np.zeros(0, np.float32)).boxes) == 0


def test_tiles_cover_the_picture_and_lie_within_it() -> None:
    for width, height in ((768, 576), (300, 200), (160, 120)):
        for side in {side for _, _, side in tiles(width, height)}:
            seen = np.zeros((height, width), bool)
            for x, y, s in tiles(width, height):
                if s == side:
                    assert x >= 0
                    assert y >= 0
                    seen[y : y + s, x : x + s] = True
            assert seen.all()


def test_a_person_alone_is_cut_out_along_the_difference() -> None:
    scene = np.full((100, 100, 3), 120, np.uint8)
    image = scene.copy()
    image[20:70, 40:60] = (200, 30, 30)
    box = np.array([[34, 18, 66, 72]], np.float32)
    (person,) = cutouts(image, scene, Label(box, NONE))
    assert person.box.tolist() == [4, 4, 36, 58]
    assert (person.image[person.alpha > 0.99] == (200, 30, 30)).all()
    assert 0.9 < (person.alpha > 0.5).sum() / (50 * 20) < 1.1
    beside = Label(np.concatenate([box, box + 5]), NONE)
    assert cutouts(image, scene, beside) == []


def test_overlap_and_cover_are_what_they_say() -> None:
    a, b = np.array([[0, 0, 10, 10]], np.float32), np.array([[5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    assert np.allclose(iou(a, b), [[1 / 3, 0]])
    assert np.allclose(covered(a, b), [[0.5, 0]])
    assert iou(a, NONE).shape == (1, 0)
