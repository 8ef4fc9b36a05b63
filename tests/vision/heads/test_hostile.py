"""Whatever numbers a model gives, a head answers with sound boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from contracts import bundle
from contracts.errors import BundleError
from tests.vision.heads.checks import head
from vision.heads.head import open_head
from vision.types import Detections

numbers = st.one_of(
    st.floats(width=32, allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, 1.0, -1.0, 0.5, 3.4e38, -3.4e38, 1e-45]),
    st.floats(0, 1, width=32),
    st.floats(-10, 700, width=32),
)
SMALL_SSD: dict[str, Any] = {"grids": [2, 1]}  # 2 * 2 * 3 + 1 * 6 anchors
LAYOUTS: dict[str, tuple[dict[str, Any], list[tuple[int, ...]]]] = {
    "yolo": ({}, [(1, 7, 20)]),
    "yolo v5": ({"variant": "v5"}, [(1, 20, 8)]),
    "yolo shares": ({"units": "share", "boxes": "xyxy"}, [(1, 7, 20)]),
    "end2end": ({}, [(1, 20, 6)]),
    "end2end nms": ({"nms": "per_class", "units": "share"}, [(1, 20, 6)]),
    "points": ({}, [(1, 20, 6)]),
    "ssd": (SMALL_SSD, [(1, 18, 4), (1, 18, 4)]),
    "ssd shares": ({**SMALL_SSD, "scores": "probabilities"}, [(1, 18, 4), (1, 18, 4)]),
}


def assert_sound(found: Detections, floors: NDArray[np.float32]) -> None:
    assert found.status == "ok"
    assert np.isfinite(found.xyxy).all() and np.isfinite(found.confidence).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
    assert ((found.class_id >= 0) & (found.class_id < len(floors))).all()
    assert (found.confidence >= floors[found.class_id]).all() and (found.confidence <= 1).all()
    assert (np.diff(found.confidence) <= 0).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=150)
@given(data=st.data(), floors=st.lists(st.sampled_from([0.0, 0.25, 1.0, np.inf]), min_size=3, max_size=3))
def test_any_numbers_give_sound_boxes(layout: str, data: st.DataObject, floors: list[float]) -> None:
    options, shapes = LAYOUTS[layout]
    read = head(layout.split(maxsplit=1)[0], floors, **options)
    outputs: list[NDArray[Any]] = [data.draw(arrays(np.float32, shape, elements=numbers)) for shape in shapes]
    assert_sound(read(outputs, (640, 640)), np.array(floors, np.float32))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 0.0, 1.0])
def test_one_value_everywhere_gives_sound_boxes(layout: str, value: float) -> None:
    options, shapes = LAYOUTS[layout]
    outputs: list[NDArray[Any]] = [np.full(shape, value, np.float32) for shape in shapes]
    assert_sound(head(layout.split(maxsplit=1)[0], [0.0, 0.5, 1.0], **options)(outputs, (640, 640)), np.array([0.0, 0.5, 1.0], np.float32))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_shape_is_boxes_or_refused(layout: str, data: st.DataObject) -> None:
    options, _ = LAYOUTS[layout]
    shapes = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=3)
    outputs: list[NDArray[Any]] = [np.zeros(shape, np.float32) for shape in data.draw(shapes)]
    try:
        found = head(layout.split(maxsplit=1)[0], [0.5, 0.5, 0.5], **options)(outputs, (64, 64))
    except BundleError as error:
        assert "expected" in str(error)
    else:
        assert len(found) == 0


def test_a_thousand_boxes_in_one_place_are_one_box() -> None:
    tensor = np.tile(np.array([[320, 320, 50, 50, 0.9, 0.1, 0.1]], np.float32), (8400, 1)).T[None]
    assert len(head("yolo", [0.5] * 3)([tensor], (640, 640))) == 1


def test_a_head_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(BundleError, match=r"head os:system: not known, known are yolo, end2end, points, ssd"):
        open_head(bundle.Head(kind="os:system"), np.array([0.5], np.float32), 0.5)


def test_an_option_that_the_head_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(BundleError, match="head yolo: option varaint"):
        open_head(bundle.Head(kind="yolo", options={"varaint": "v5"}), np.array([0.5], np.float32), 0.5)
