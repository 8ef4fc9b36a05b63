"""Rows that other finders add stand under the detector's own, with one table of labels and whole columns."""

from __future__ import annotations

import numpy as np
import pytest

from vision.planes import BgrPlanes
from vision.rows import with_rows
from vision.types import Detections, Frame, Scene


def scene(labels: tuple[str, ...] = (), **columns: np.ndarray) -> Scene:
    n = len(next(iter(columns.values()), ()))
    found = Detections(np.ones((n, 4), np.float32), np.full(n, 0.5, np.float32), np.zeros(n, np.int32), columns)
    return Scene(Frame("yard", 0, 0, 0, 0, BgrPlanes(np.zeros((4, 4, 3), np.uint8))), found, labels)


def two() -> tuple[np.ndarray, np.ndarray]:
    return np.array([[0, 0, 4, 4], [1, 1, 2, 2]], np.float32), np.array([0.9, 0.8], np.float32)


def test_a_label_the_scene_has_keeps_its_number_and_a_new_one_follows() -> None:
    grown = with_rows(scene(("person", "menu"), track=np.array([3])), ["menu", "score"], *two())
    assert grown.labels == ("person", "menu", "score")
    assert grown.detections.class_id.tolist() == [0, 1, 2]
    assert grown.detections.xyxy[1:].tolist() == two()[0].tolist()


def test_columns_that_only_one_side_has_are_filled() -> None:
    text = np.array(["a", "b"], object)
    grown = with_rows(scene(("person",), track=np.array([3]), speed=np.array([1.5])), ["menu", "menu"], *two(), {"text": text}).detections
    assert grown.data["track"].tolist() == [3, -1, -1]
    assert grown.data["text"].tolist() == [None, "a", "b"]
    assert grown.data["speed"][0] == 1.5
    assert np.isnan(grown.data["speed"][1:]).all()


def test_no_answer_stays_no_answer() -> None:
    empty = Scene(Frame("yard", 0, 0, 0, 0, BgrPlanes(np.zeros((4, 4, 3), np.uint8))), Detections.none("timeout"))
    assert with_rows(empty, ["menu", "score"], *two()).detections.status == "timeout"


def test_labels_and_boxes_must_agree() -> None:
    with pytest.raises(ValueError, match="columns disagree"):
        with_rows(scene(), ["menu"], *two())
