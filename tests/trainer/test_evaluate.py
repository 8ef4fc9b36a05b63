"""Average precision is COCO's own, to the sixth digit."""

from __future__ import annotations

import contextlib
import io
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.evaluate import Answers, Truth, average_precision, best_point, mean_precision, point

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

NONE = np.zeros((0, 4), np.float32)


def coco(truths: list[Truth], answers: list[Answers]) -> tuple[float, float]:
    """AP at 0.50:0.95 and at 0.50 as pycocotools counts them."""
    annotations = []
    for image, truth in enumerate(truths, 1):
        for crowd, boxes in ((0, truth.boxes), (1, truth.ignored)):
            for x1, y1, x2, y2 in boxes.astype(float):
                box = [x1, y1, x2 - x1, y2 - y1]
                row = {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "bbox": box, "area": box[2] * box[3]}
                annotations.append({**row, "iscrowd": crowd})
    found = [
        {"image_id": image, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": float(score)}
        for image, answer in enumerate(answers, 1)
        for (x1, y1, x2, y2), score in zip(answer.boxes.astype(float).tolist(), answer.confidence, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth_set = COCO()
        truth_set.dataset = {"images": [{"id": i + 1} for i in range(len(truths))], "annotations": annotations, "categories": [{"id": 1}]}
        truth_set.createIndex()
        judge = COCOeval(truth_set, truth_set.loadRes(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0]), float(judge.stats[1])


def random_set(seed: int) -> tuple[list[Truth], list[Answers]]:
    """Persons found well, badly, twice or not at all, and answers where nobody is; some scores are equal."""
    random = np.random.default_rng(seed)
    truths, answers = [], []
    for _ in range(6):
        corner = random.integers(0, 200, (int(random.integers(0, 6)), 2))
        boxes = np.concatenate([corner, corner + random.integers(10, 60, corner.shape)], axis=1).astype(np.float32)
        near = np.repeat(boxes, 2, axis=0) + random.integers(-8, 9, (2 * len(boxes), 4)).astype(np.float32)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        far_corner = random.integers(0, 250, (4, 2))
        far = np.concatenate([far_corner, far_corner + random.integers(5, 50, far_corner.shape)], axis=1).astype(np.float32)
        given_boxes = np.concatenate([near, far])
        doubtful = np.array([[100, 100, 180, 180]], np.float32) if random.random() < 0.5 else NONE
        truths.append(Truth(boxes, doubtful))
        answers.append(Answers(given_boxes, (random.integers(1, 20, len(given_boxes)) / 20).astype(np.float32)))
    return truths, answers


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_it_equals_pycocotools(seed: int) -> None:
    truths, answers = random_set(seed)
    if not sum(len(t.boxes) for t in truths):
        return
    every, half = coco(truths, answers)
    assert average_precision(truths, answers) == pytest.approx(half, abs=1e-6)
    assert mean_precision(truths, answers) == pytest.approx(every, abs=1e-6)


def test_nothing_to_find_has_no_precision() -> None:
    assert math.isnan(average_precision([Truth(NONE, NONE)], [Answers(NONE, np.zeros(0, np.float32))]))


def test_a_person_found_twice_is_right_once() -> None:
    box = np.array([[0, 0, 10, 30]], np.float32)
    answers = Answers(np.repeat(box, 2, axis=0), np.array([0.9, 0.8], np.float32))
    found = point([Truth(box, NONE)], [answers], 0.5)
    assert (found.precision, found.recall) == (0.5, 1.0)


def test_an_answer_in_an_area_not_judged_is_neither_right_nor_wrong() -> None:
    box = np.array([[0, 0, 10, 30]], np.float32)
    doubtful = np.array([[50, 50, 100, 100]], np.float32)
    answers = Answers(np.array([[0, 0, 10, 30], [60, 60, 80, 90]], np.float32), np.array([0.9, 0.95], np.float32))
    found = point([Truth(box, doubtful)], [answers], 0.5)
    assert (found.precision, found.recall) == (1.0, 1.0)


def test_the_best_point_leaves_out_what_is_mostly_wrong() -> None:
    box = np.array([[0, 0, 10, 30]], np.float32)
    answers = Answers(np.array([[0, 0, 10, 30], [50, 50, 60, 80]], np.float32), np.array([0.8, 0.4], np.float32))
    best = best_point([Truth(box, NONE)], [answers])
    assert 0.4 < best.confidence <= 0.8
    assert best.f1 == pytest.approx(1.0)
