"""Hostile boxes end at the door, counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from device.stages.intake import sound
from tests.device.stages.world import boxes

anything = st.floats(width=32, allow_nan=True, allow_infinity=True)


def test_sound_boxes_come_back_as_they_are() -> None:
    found = boxes((1, 2, 30, 40, 0.9, 0), (5, 5, 9, 9, 0.2, 1))
    kept, refused = sound(found, 640, 360, 300)
    assert kept is found
    assert refused == {}


def test_each_refusal_has_its_reason() -> None:
    nan, inf = float("nan"), float("inf")
    endless = [(nan, 2, 30, 40, 0.9, 0), (1, 2, inf, 40, 0.9, 0), (1, 2, 3, 4, nan, 0)]
    flat = [(9, 9, 9, 20, 0.9, 0), (30, 9, 20, 20, 0.9, 0), (700, 2, 800, 9, 0.9, 0)]
    kept, refused = sound(boxes((1, 2, 30, 40, 0.9, 0), *endless, *flat), 640, 360, 300)
    assert kept.xyxy.tolist() == [[1, 2, 30, 40]]
    assert refused == {"not finite": 3, "no area": 3}


def test_of_too_many_the_most_confident_stay_in_their_order() -> None:
    rows = [(n, 0, n + 10, 10, n / 5000, 0) for n in range(500)]
    kept, refused = sound(boxes(*reversed(rows)), 640, 360, 100)
    assert refused == {"too many": 400}
    assert kept.xyxy[:, 0].tolist() == list(range(499, 399, -1))


def test_boxes_beyond_the_picture_are_cut_at_its_edge_and_their_columns_stay_beside_them() -> None:
    found = boxes((-5, -5, 50, 50, 0.9, 0), (float("nan"), 0, 1, 1, 0.5, 1), (600, 300, 900, 900, 1.5, 1), kind=np.array(["a", "b", "c"]))
    kept, _ = sound(found, 640, 360, 300)
    assert kept.xyxy.tolist() == [[0, 0, 50, 50], [600, 300, 640, 360]]
    assert kept.confidence.tolist() == [np.float32(0.9), 1.0]
    assert kept.data["kind"].tolist() == ["a", "c"]


@given(st.lists(st.tuples(anything, anything, anything, anything, anything, st.integers(0, 3)), max_size=20), st.integers(1, 5))
def test_nothing_but_boxes_in_the_picture_gets_in(rows: list[tuple[float, ...]], most: int) -> None:
    kept, refused = sound(boxes(*rows), 640, 360, most)
    assert len(kept) + sum(refused.values()) == len(rows)
    assert len(kept) <= most
    assert np.isfinite(kept.xyxy).all() and np.isfinite(kept.confidence).all()
    x1, y1, x2, y2 = kept.xyxy.T
    assert ((x1 >= 0) & (x2 > x1) & (x2 <= 640) & (y1 >= 0) & (y2 > y1) & (y2 <= 360)).all()
    assert ((kept.confidence >= 0) & (kept.confidence <= 1)).all()
