"""Suppression against the plain loop, and where OpenCV's batched form needs care."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.vision import reference
from vision.boxes import overlap, sift, suppress
from vision.types import Detections

corner = st.integers(-300, 300)
length = st.integers(1, 200)
boxes = st.lists(st.tuples(corner, corner, length, length, st.integers(0, 3)), max_size=25)


def detections(rows: list[tuple[int, int, int, int, int]]) -> Detections:
    """Confidence falls with the row, so that the order is certain."""
    xyxy = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in rows], np.float32).reshape(-1, 4)
    confidence = np.linspace(0.9, 0.5, len(rows)).astype(np.float32)
    return Detections(xyxy, confidence, np.array([row[4] for row in rows], np.int32))


@given(boxes, st.sampled_from([0.31, 0.47, 0.63, 0.9]))
def test_suppression_is_that_of_the_plain_loop(rows: list[tuple[int, int, int, int, int]], most: float) -> None:
    found = detections(rows)
    plain = [
        (*map(float, xyxy), float(c), int(k)) for xyxy, c, k in zip(found.xyxy, found.confidence, found.class_id, strict=True)
    ]
    expected = reference.nms(plain, most)
    kept = suppress(found, most)
    assert [(*xyxy, k) for xyxy, k in zip(kept.xyxy.tolist(), kept.class_id.tolist(), strict=True)] == [
        (*box[:4], box[5]) for box in expected
    ]


def test_boxes_left_of_the_picture_do_not_meet_those_of_another_class() -> None:
    found = Detections(
        np.array([[90, 90, 100, 100], [-11, -11, -1, -1]], np.float32), np.array([0.9, 0.8], np.float32), np.array([0, 1], np.int32)
    )
    assert len(suppress(found, 0.3)) == 2


def test_boxes_far_away_do_not_blur_those_nearby() -> None:
    near = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [1e30, 1e30, 2e30, 2e30], [40, 0, 50, 10]], np.float32)
    classes = np.array([0, 1, 2, 2])
    found = sift(near, np.array([0.9, 0.8, 0.7, 0.6], np.float32), classes, np.zeros(3, np.float32), 10)
    assert suppress(found, 0.5).xyxy.tolist() == [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]


@given(boxes, boxes)
def test_overlap_is_that_of_the_plain_loop(a: list[tuple[int, int, int, int, int]], b: list[tuple[int, int, int, int, int]]) -> None:
    table = overlap(detections(a).xyxy, detections(b).xyxy)
    assert table.shape == (len(a), len(b))
    for i, one in enumerate(detections(a).xyxy.tolist()):
        for j, other in enumerate(detections(b).xyxy.tolist()):
            assert abs(table[i, j] - reference.iou(one, other)) < 1e-9


def test_sifting_keeps_the_best_in_order() -> None:
    xyxy = np.tile(np.array([[0, 0, 5, 5]], np.float32), (5, 1))
    confidence = np.array([0.2, 0.9, 0.5, 0.9, np.nan], np.float32)
    kept = sift(xyxy, confidence, np.array([0, 0, 1, 1, 0]), np.array([0.1, 0.6], np.float32), 10)
    assert kept.confidence.tolist() == np.array([0.9, 0.9, 0.2], np.float32).tolist()
    assert kept.class_id.tolist() == [0, 1, 0]


def test_a_confidence_that_is_no_number_drops_its_row_and_one_above_one_is_one() -> None:
    confidence = np.array([np.inf, np.nan, -np.inf, 1.5, 0.5], np.float32)
    xyxy = np.tile(np.array([[0, 0, 5, 5]], np.float32), (5, 1))
    assert sift(xyxy, confidence, np.zeros(5, np.int32), np.zeros(1, np.float32), 10).confidence.tolist() == [1, 0.5]


def test_equals_keep_the_order_they_came_in() -> None:
    left = np.arange(300, dtype=np.float32)
    xyxy = np.stack([left, left, left + 5, left + 5], axis=1)
    confidence = np.where(left % 2, 0.5, 0.75).astype(np.float32)
    kept = sift(xyxy, confidence, np.zeros(300, np.int32), np.zeros(1, np.float32), 300)
    assert kept.xyxy[:, 0].tolist() == [*range(0, 300, 2), *range(1, 300, 2)]
