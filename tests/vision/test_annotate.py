"""Drawing boxes: on a copy, at the right place, whatever the boxes are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from vision.annotate import annotate
from vision.types import Detections


def boxes(*rows: tuple[float, float, float, float], **data: object) -> Detections:
    n = len(rows)
    columns = {name: np.asarray(column) for name, column in data.items()}
    return Detections(np.array(rows, np.float32).reshape(n, 4), np.full(n, 0.5, np.float32), np.zeros(n, np.int32), columns)


def test_the_picture_itself_is_left_alone_and_the_edge_of_the_box_is_drawn() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    drawn = annotate(picture, boxes((50, 40, 120, 90)), ["person"])
    assert not picture.any()
    assert drawn[90, 80].any() and drawn[65, 50].any() and not drawn[65, 80].any()


def test_words_at_the_right_edge_are_not_cut() -> None:
    drawn = annotate(np.zeros((100, 200, 3), np.uint8), boxes((180, 40, 198, 90)), ["person"])
    words = np.argwhere(drawn[34].any(axis=1))
    assert words.min() < 160 and words.max() == 199


def test_two_tracks_have_two_colours() -> None:
    drawn = annotate(np.zeros((100, 200, 3), np.uint8), boxes((10, 40, 60, 90), (110, 40, 160, 90), track=[1, 2]))
    assert not np.array_equal(drawn[90, 30], drawn[90, 130])


@given(hn.arrays(np.float32, (3, 4), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)))
def test_no_box_is_too_strange(rows: np.ndarray) -> None:
    found = Detections(rows, np.ones(3, np.float32), np.array([0, 7, -1], np.int32))
    assert annotate(np.zeros((40, 60, 3), np.uint8), found, ["a"]).shape == (40, 60, 3)
