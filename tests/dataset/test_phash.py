from __future__ import annotations

import random
import sqlite3

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset.phash import REACH_BITS, NearIndex, distance, phash
from tests.dataset.scenery import view

HASH = st.integers(0, (1 << 64) - 1)


def filled(values: list[int]) -> NearIndex:
    rows = sqlite3.connect(":memory:")
    rows.execute(NearIndex.TABLE)
    near = NearIndex(rows)
    for number, value in enumerate(values):
        near.add(number, value)
    return near


@settings(max_examples=100, deadline=None)
@given(HASH, st.lists(st.sets(st.integers(0, 63), max_size=12), min_size=1, max_size=20), st.integers(0, REACH_BITS))
def test_the_nearest_is_found_whichever_bits_differ(value: int, flips: list[set[int]], within: int) -> None:
    others = [value ^ sum(1 << bit for bit in flip) for flip in flips]
    expected = min((distance(value, other), number) for number, other in enumerate(others))
    assert filled(others).nearest(value, within) == (expected if expected[0] <= within else None)


def test_one_among_very_many_is_found_and_not_found_when_it_was_removed() -> None:
    chance = random.Random(1)
    values = [chance.getrandbits(64) for _ in range(20_000)]
    near = filled(values)
    asked = values[777] ^ 0b1011 << 40
    assert near.nearest(asked, 6) == (3, 777)
    near.remove(777, values[777])
    assert near.nearest(asked, 6) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda image: np.clip(image.astype(int) + 12, 0, 255).astype(np.uint8),
        lambda image: cv2.GaussianBlur(image, (3, 3), 0),
        lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR),
        lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    ],
)
def test_a_picture_made_a_little_different_stays_near_and_others_are_far(change: object) -> None:
    images = [cv2.GaussianBlur(view(number, 320, 240), (31, 31), 0) for number in range(12)]
    hashes = [phash(np.asarray(image, np.uint8)) for image in images]
    assert callable(change)
    changed = [phash(np.asarray(change(image), np.uint8)) for image in images]
    assert max(distance(a, b) for a, b in zip(hashes, changed, strict=True)) <= 6
    assert min(distance(a, b) for n, a in enumerate(hashes) for b in hashes[:n]) > 10
