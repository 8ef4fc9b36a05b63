"""Polygons: what is refused and why, and what is inside."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from device.pipeline.zone import Zone, inside

BROKEN = {
    "at least 3 points": [[0, 0], [1, 1]],
    "outside the picture": [[0, 0], [1.2, 0], [1, 1]],
    "cross": [[0, 0], [1, 1], [1, 0], [0, 1]],
    "edges 1 and 2 cross": [[0, 0], [0.5, 0], [0.2, 0], [0.5, 0.5]],
    "edges 1 and 2": [[0, 0], [0.5, 0], [0.5, 0], [0.5, 0.5]],
    "cross or overlap": [[0, 0], [0.5, 0.5], [1, 1]],
    "edges 1 and 3 cross": [[0, 0], [1, 0], [0.5, 0.5], [0.5, 0], [0, 0.5]],
    "Input should be": [[0, "left"], [1, 0], [1, 1]],
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_zone_is_refused_with_the_reason(words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Zone.model_validate({"points": BROKEN[words]})
    assert refused.value.errors()[0]["loc"][0] == "points"
    assert words in str(refused.value)


def test_a_misspelt_key_of_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="inertai"):
        Zone.model_validate({"points": [[0, 0], [1, 0], [1, 1]], "inertai": 2})


def test_a_zone_with_dents_and_corners_on_the_frame_is_good() -> None:
    zone = Zone.model_validate({"points": [[0, 0], [1, 0], [1, 1], [0.5, 1], [0.5, 0.5], [0, 0.5]], "labels": ["person"]})
    assert zone.labels == ("person",)


def test_the_dent_of_a_polygon_is_outside() -> None:
    points = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0), (0.5, 0.5), (0.0, 0.5))
    assert inside(points, np.array([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75], [1.5, 0.25]])).tolist() == [True, True, False, False]


corner = st.tuples(st.integers(0, 20), st.integers(0, 20))


@given(st.lists(corner, min_size=3, max_size=7, unique=True), st.lists(corner, min_size=1, max_size=20))
def test_inside_agrees_with_opencv_wherever_the_polygon_is_good(corners: list[tuple[int, int]], points: list[tuple[int, int]]) -> None:
    try:
        zone = Zone(points=tuple((x / 20, y / 20) for x, y in corners))
    except ValueError:
        return
    shifted = np.array(points) + np.array([0.3, 0.4])  # off the lattice, so that no point is on an edge by accident
    contour = np.array(corners, np.float32)
    expected = [cv2.pointPolygonTest(contour, (float(x), float(y)), True) for x, y in shifted]
    got = inside(zone.points, shifted / 20)
    assert all(g == (e > 0) for g, e in zip(got, expected, strict=True) if abs(e) > 1e-4)
