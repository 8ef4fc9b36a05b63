"""Reading order: unordered boxes come back as lines."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.text.order import reading_order

SIDE = st.floats(-1e4, 1e4, allow_nan=False, width=32)
BOXES = st.lists(st.tuples(SIDE, SIDE, st.floats(0, 500, width=32), st.floats(0, 500, width=32)), max_size=25).map(
    lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float64).reshape(-1, 4)
)


@given(BOXES, st.randoms(use_true_random=False))
def test_the_order_of_the_boxes_given_does_not_matter(boxes: np.ndarray, chance: random.Random) -> None:
    shuffled = list(range(len(boxes)))
    chance.shuffle(shuffled)
    one = [[boxes[row].tolist() for row in line] for line in reading_order(boxes)]
    other = [[boxes[shuffled[row]].tolist() for row in line] for line in reading_order(boxes[shuffled])]
    assert one == other


@given(BOXES)
def test_every_box_is_read_once(boxes: np.ndarray) -> None:
    assert sorted(row for line in reading_order(boxes) for row in line) == list(range(len(boxes)))


@given(BOXES)
def test_lines_go_from_left_to_right(boxes: np.ndarray) -> None:
    for line in reading_order(boxes):
        assert boxes[line, 0].tolist() == sorted(boxes[line, 0].tolist())


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=8),
    st.integers(8, 60),
    st.floats(0, 0.2),
    st.randoms(use_true_random=False),
)
def test_a_page_of_lines_is_restored(words: list[int], height: int, jitter: float, chance: random.Random) -> None:
    """Words of other heights, and each a little higher or lower than its neighbour."""
    table, truth, y = [], [], 10.0
    for count in words:
        x, line = 5.0, []
        for _ in range(count):
            off, tall = chance.uniform(-jitter, jitter) * height, height * chance.uniform(0.85, 1.15)
            line.append(len(table))
            table.append((x, y + off, x + 40, y + off + tall))
            x += 50
        truth.append(line)
        y += height * 1.6
    shuffled = list(range(len(table)))
    chance.shuffle(shuffled)
    found = reading_order(np.array(table)[shuffled])
    assert [[shuffled[row] for row in line] for line in found] == truth


def test_the_words_of_an_outcome_come_as_people_read_them() -> None:
    boxes = np.array([[300, 52, 380, 80], [10, 50, 120, 80], [130, 49, 290, 82], [10, 100, 90, 130]])
    assert reading_order(boxes) == [[1, 2, 0], [3]]


def test_a_tall_letter_does_not_pull_the_next_line_in() -> None:
    boxes = np.array([[0, 0, 20, 60], [30, 0, 200, 20], [30, 40, 200, 60]])
    assert [len(line) for line in reading_order(boxes)].count(3) == 0


def test_nothing_has_no_order_and_no_number_is_no_place() -> None:
    assert reading_order(np.zeros((0, 4))) == []
    with pytest.raises(ValueError, match="finite"):
        reading_order(np.array([[0, 0, np.nan, 1]]))
