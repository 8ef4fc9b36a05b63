"""SSD over 1917 anchors against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import BundleError
from tests.vision import reference
from tests.vision.heads.checks import assert_same, head
from vision.heads.ssd import SsdOptions, anchors

FLOORS = np.linspace(0.3, 0.8, 23).tolist()


def answer(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(-6, 1, (1917, 24))
    rows = rng.choice(1917, 80, replace=False)
    logits[rows, rng.integers(0, 24, 80)] = rng.normal(0.5, 1, 80)
    return rng.normal(0, 1.5, (1, 1917, 4)).astype(np.float32), logits[None].astype(np.float32)


def test_the_anchors_are_those_of_the_recipe() -> None:
    made = anchors(SsdOptions())
    assert made.shape == (1917, 4)
    assert np.allclose(made, reference.ssd_anchors(), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [(300, 300), (224, 320)])
def test_boxes_agree_with_plain_loops(seed: int, size: tuple[int, int]) -> None:
    codes, logits = answer(seed)
    expected = reference.ssd(codes[0].tolist(), logits[0].tolist(), FLOORS, 0.6, size)
    assert len(expected) > 15
    assert_same(head("ssd", FLOORS, 0.6)([codes, logits], size), expected)


def test_an_anchor_left_alone_is_its_own_box() -> None:
    codes, logits = np.zeros((1, 1917, 4), np.float32), np.full((1, 1917, 24), -9, np.float32)
    logits[0, 1916, 4] = 3  # the last anchor is the coarsest layer's in-between one, over the middle of the picture
    found = head("ssd", [0.5] * 23)([codes, logits], (300, 300))
    side = 300 * (0.95 * 1.0) ** 0.5
    assert np.allclose(found.xyxy, [[150 - side / 2, 150 - side / 2, 150 + side / 2, 150 + side / 2]], atol=1e-3)
    assert found.class_id.tolist() == [3]


def test_the_background_is_never_a_box() -> None:
    codes, logits = np.zeros((1, 1917, 4), np.float32), np.full((1, 1917, 24), -9, np.float32)
    logits[0, :, 0] = 9
    assert len(head("ssd", [0.5] * 23)([codes, logits], (300, 300))) == 0


def test_a_score_that_stands_on_its_floor_is_kept() -> None:
    codes, logits = np.zeros((1, 1917, 4), np.float32), np.full((1, 1917, 24), -9, np.float32)
    logits[0, 5, 1] = 0
    assert len(head("ssd", [0.5] * 23)([codes, logits], (300, 300))) == 1


def test_probabilities_and_the_order_of_outputs_are_options() -> None:
    codes, logits = answer(7)
    shares = 1 / (1 + np.exp(-logits))
    swapped = head("ssd", FLOORS, scores="probabilities", boxes_output=1, scores_output=0)([shares, codes], (300, 300))
    plain = head("ssd", FLOORS)([codes, logits], (300, 300))
    assert len(plain) > 10
    assert np.allclose(swapped.xyxy, plain.xyxy) and np.allclose(swapped.confidence, plain.confidence)


@pytest.mark.parametrize(
    ("codes", "scores", "expected"),
    [
        ((1, 1917, 5), (1, 1917, 24), r"\(1, 1917, 4\) as output 0"),
        ((1, 100, 4), (1, 1917, 24), r"\(1, 1917, 4\) as output 0"),
        ((1, 1917, 4), (1, 1917, 23), r"\(1, 1917, 24\) as output 1 for 23 labels"),
        ((1, 1917, 4), (1917, 24), r"\(1, 1917, 24\) as output 1 for 23 labels"),
    ],
)
def test_another_shape_is_refused(codes: tuple[int, ...], scores: tuple[int, ...], expected: str) -> None:
    with pytest.raises(BundleError, match=f"head ssd: expected {expected}"):
        head("ssd", [0.5] * 23)([np.zeros(codes, np.float32), np.zeros(scores, np.float32)], (300, 300))
