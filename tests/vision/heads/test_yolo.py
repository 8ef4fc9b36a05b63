"""The YOLO layouts against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import BundleError
from tests.vision import reference
from tests.vision.heads.checks import assert_same, head

FLOORS = [0.3, 0.5, 0.25, 0.9]


def crowd(seed: int, places: int = 400, objectness: bool = False) -> NDArray[np.float32]:
    """Rows of clustered boxes, so that many overlap; scores mostly low, as a network gives them."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(50, 590, (12, 2))[rng.integers(0, 12, places)] + rng.normal(0, 6, (places, 2))
    sizes = rng.uniform(20, 120, (places, 2))
    scores = rng.uniform(0, 1, (places, 4)) ** 3
    parts = [centres, sizes, *([rng.uniform(0, 1, (places, 1))] if objectness else []), scores]
    return np.concatenate(parts, axis=1).astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("overlap", [0.3, 0.5, 0.7])
def test_v8_agrees_with_plain_loops(seed: int, overlap: float) -> None:
    rows = crowd(seed)
    found = head("yolo", FLOORS, overlap)([rows.T[None]], (640, 640))
    expected = reference.grid(rows.tolist(), FLOORS, overlap, objectness=False)
    assert len(expected) > 10
    assert_same(found, expected)


@pytest.mark.parametrize("seed", range(6))
def test_v5_multiplies_by_objectness(seed: int) -> None:
    rows = crowd(seed, objectness=True)
    found = head("yolo", FLOORS, variant="v5")([rows[None]], (640, 640))
    expected = reference.grid(rows.tolist(), FLOORS, 0.5, objectness=True)
    assert len(expected) > 5
    assert_same(found, expected)


def test_either_way_round_is_read_alike() -> None:
    rows = crowd(1)
    v8 = head("yolo", FLOORS)
    assert v8([rows[None]], (640, 640)).xyxy.tolist() == v8([rows.T[None]], (640, 640)).xyxy.tolist()
    rows = crowd(1, objectness=True)
    v5 = head("yolo", FLOORS, variant="v5")
    assert v5([rows[None]], (640, 640)).xyxy.tolist() == v5([rows.T[None]], (640, 640)).xyxy.tolist()


def test_a_square_tensor_is_read_the_variants_own_way() -> None:
    columns = crowd(6)[:8].T  # eight rows of eight columns
    found = head("yolo", [0.0] * 4, 1.0)([columns[None]], (640, 640))
    assert_same(found, reference.grid(columns.T.tolist(), [0.0] * 4, 1.0, objectness=False))
    rows = crowd(6, objectness=True)[:9]
    found = head("yolo", [0.0] * 4, 1.0, variant="v5")([rows[None]], (640, 640))
    assert_same(found, reference.grid(rows.tolist(), [0.0] * 4, 1.0, objectness=True))


def test_half_floats_are_read() -> None:
    rows = crowd(2).astype(np.float16)
    found = head("yolo", FLOORS)([rows.T[None]], (640, 640))
    assert found.xyxy.dtype == found.confidence.dtype == np.float32
    assert_same(found, reference.grid(rows.astype(float).tolist(), FLOORS, 0.5, objectness=False))


def test_corners_and_shares_are_options() -> None:
    tensor = np.array([[[0.1, 0.2, 0.5, 0.6, 0.8]]], np.float32).transpose(0, 2, 1)
    found = head("yolo", [0.5], boxes="xyxy", units="share")([tensor], (100, 200))
    assert np.allclose(found.xyxy, [[20, 20, 100, 60]])


def test_another_output_can_be_named() -> None:
    rows = crowd(3)
    outputs: list[NDArray[Any]] = [np.zeros((1, 2), np.float32), rows.T[None]]
    assert len(head("yolo", FLOORS, output=1)(outputs, (640, 640))) > 10


def test_a_class_that_is_not_wanted_is_never_found() -> None:
    rows = crowd(4)
    assert set(head("yolo", [np.inf, 0.3, np.inf, 0.3])([rows.T[None]], (640, 640)).class_id) <= {1, 3}
    assert len(head("yolo", [np.inf] * 4)([rows.T[None]], (640, 640))) == 0


def test_only_the_best_candidates_are_compared() -> None:
    rows = crowd(5)
    rows[:, :2] = np.arange(len(rows))[:, None] * 200  # no two overlap
    found = head("yolo", [0.0] * 4, candidates=7)([rows.T[None]], (640, 640))
    assert found.confidence.tolist() == sorted(rows[:, 4:].max(axis=1).tolist(), reverse=True)[:7]


@pytest.mark.parametrize("shape", [(1, 9, 100), (2, 8, 100), (8, 100), (1, 8), (1, 4, 100, 1)])
def test_another_shape_is_refused_naming_both(shape: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match=r"expected \(1, 8, N\) or \(1, N, 8\) for 4 labels, got \(") as caught:
        head("yolo", FLOORS)([np.zeros(shape, np.float32)], (640, 640))
    assert str(shape) in str(caught.value)


def test_a_missing_output_is_refused() -> None:
    with pytest.raises(BundleError, match=r"expected output 2 of .*, the model has 1"):
        head("yolo", FLOORS, output=2)([np.zeros((1, 8, 10), np.float32)], (640, 640))
