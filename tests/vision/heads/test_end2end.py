"""Rows of x1, y1, x2, y2, score, class."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import BundleError
from tests.vision import reference
from tests.vision.heads.checks import assert_same, head

ROWS = np.array(
    [
        [10, 10, 50, 50, 0.9, 0],
        [12, 12, 52, 52, 0.8, 0],
        [10, 10, 50, 50, 0.7, 1],
        [60, 60, 90, 99, 0.2, 1],
        [60, 60, 90, 99, 0.6, 1],
    ],
    np.float32,
)


@pytest.mark.parametrize("kind", ["end2end", "points"])
def test_rows_at_or_above_their_floor_are_boxes(kind: str) -> None:
    found = head(kind, [0.85, 0.6])([ROWS[None]], (100, 100))
    assert_same(found, [(10, 10, 50, 50, 0.9, 0), (10, 10, 50, 50, 0.7, 1), (60, 60, 90, 99, 0.6, 1)])


def test_networks_that_repeat_themselves_get_nms() -> None:
    expected = reference.nms([(*row[:4], row[4], int(row[5])) for row in ROWS.tolist() if row[4] >= 0.25], 0.5)
    assert len(expected) == 3
    assert_same(head("end2end", [0.25, 0.25], nms="per_class")([ROWS[None]], (100, 100)), expected)


def test_shares_become_pixels_of_the_input() -> None:
    tensor = np.array([[[0.25, 0.5, 0.75, 1.0, 0.9, 0]]], np.float32)
    assert head("end2end", [0.5], units="share")([tensor], (40, 80)).xyxy.tolist() == [[20, 20, 60, 40]]


@pytest.mark.parametrize("number", [-1, 2, 0.5, np.nan, np.inf, 1e30])
def test_a_class_without_a_label_is_dropped(number: float) -> None:
    tensor = ROWS[None, :1].copy()
    tensor[0, 0, 5] = number
    assert len(head("end2end", [0.1, 0.1])([tensor], (100, 100))) == 0


def test_no_rows_are_no_boxes() -> None:
    found = head("end2end", [0.1])([np.zeros((1, 0, 6), np.float32)], (100, 100))
    assert len(found) == 0 and found.status == "ok"


@pytest.mark.parametrize("shape", [(1, 10, 7), (1, 6, 10), (10, 6), (2, 10, 6)])
def test_another_shape_is_refused_naming_both(shape: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match=r"head end2end: expected \(1, N, 6\)") as caught:
        head("end2end", [0.1])([np.zeros(shape, np.float32)], (100, 100))
    assert str(shape) in str(caught.value)


def test_whole_numbers_are_no_scores() -> None:
    with pytest.raises(BundleError, match=r"got \(1, 3, 6\) of int64"):
        head("end2end", [0.1])([np.zeros((1, 3, 6), np.int64)], (100, 100))
