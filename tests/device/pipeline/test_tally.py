"""Counts, durations and gauges."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.pipeline.tally import WINDOW, Tally


def test_counts_are_kept_by_camera_what_and_reason() -> None:
    tally = Tally()
    tally.count("left", "dropped", "late")
    tally.count("left", "dropped", "disk", 4)
    tally.count("right", "dropped", "late")
    assert tally.get("left", "dropped") == 5
    assert tally.get("left", "dropped", "disk") == 4
    assert tally.get("left", "analysed") == 0
    assert tally.counts()["right", "dropped", "late"] == 1


def test_what_is_handed_out_is_a_copy() -> None:
    tally = Tally()
    tally.count("left", "offered")
    tally.gauge("left", "fps", 5)
    tally.counts().clear()
    tally.gauges().clear()
    assert tally.get("left", "offered") == 1
    assert tally.gauges() == {("left", "fps"): 5}


def test_counting_from_many_threads_loses_nothing() -> None:
    tally = Tally()
    threads = [threading.Thread(target=lambda: [tally.count("left", "offered") for _ in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.get("left", "offered") == 8000


@pytest.mark.parametrize(("samples", "expected"), [([7], (7, 7, 7)), ([1, 2], (1, 2, 2)), (list(range(1, 101)), (50, 95, 99))])
def test_percentiles_are_nearest_rank_in_milliseconds(samples: list[int], expected: tuple[float, float, float]) -> None:
    tally = Tally()
    for sample in samples:
        tally.took("left", "detect", sample * 1_000_000)
    got = tally.percentiles()["left", "detect"]
    assert (got.p50_ms, got.p95_ms, got.p99_ms) == expected
    assert got.count == len(samples)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_at_least_the_stated_share_is_at_or_below_a_percentile(samples: list[int]) -> None:
    tally = Tally()
    for sample in samples:
        tally.took("left", "detect", sample)
    got = tally.percentiles()["left", "detect"]
    for share, value in ((0.5, got.p50_ms), (0.95, got.p95_ms), (0.99, got.p99_ms)):
        below = sum(sample / 1e6 <= value for sample in samples)
        assert below >= math.ceil(share * len(samples))
        assert sum(sample / 1e6 < value for sample in samples) < math.ceil(share * len(samples))


def test_percentiles_are_of_the_last_window_and_the_count_of_all_time() -> None:
    tally = Tally()
    for _ in range(WINDOW):
        tally.took("left", "detect", 9_000_000)
    for _ in range(WINDOW):
        tally.took("left", "detect", 1_000_000)
    got = tally.percentiles()["left", "detect"]
    assert (got.count, got.p99_ms) == (2 * WINDOW, 1.0)
