"""Samples: the grid, and offered = passed + gated + dropped whatever happens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device.capture.sampling import Samples
from device.pipeline.tally import Tally
from tests.device.capture.fakes import MS


def served(fps: float, times_ms: list[float]) -> list[float]:
    samples = Samples("left", fps, Tally())
    got = []
    for at in times_ms:
        samples.see(int(at * MS))
        if samples.serve(int(at * MS)):
            samples.settle(int(at * MS), "passed")
            got.append(at)
    return got


def test_the_first_picture_at_or_after_each_grid_point_is_the_sample() -> None:
    assert served(5, [0, 90, 210, 390, 420, 1000, 1010]) == [0, 210, 390, 1000]  # 390 is within a tenth of its point


def test_times_rounded_to_milliseconds_lose_no_picture_at_the_films_own_rate() -> None:
    times = [round(n * 1000 / 30) for n in range(300)]
    assert served(30, times) == times


def test_a_rate_of_zero_takes_every_picture() -> None:
    assert served(0, [0, 1, 1.5, 900]) == [0, 1, 1.5, 900]


def test_when_the_first_picture_of_a_period_is_broken_the_next_one_serves() -> None:
    tally = Tally()
    samples = Samples("left", 10, tally)
    for at in (0, 40, 80, 120):
        samples.see(at * MS)
    assert samples.serve(40 * MS)
    samples.settle(40 * MS, "passed")
    assert not samples.serve(80 * MS)
    assert tally.get("left", "offered") == 1


def test_a_period_without_any_picture_that_decodes_is_dropped_as_broken() -> None:
    tally = Tally()
    samples = Samples("left", 10, tally)
    for at in (0, 100, 200):
        samples.see(at * MS)
    assert samples.serve(200 * MS)
    samples.settle(200 * MS, "gated")
    assert tally.counts() == {("left", "offered", ""): 3, ("left", "dropped", "broken"): 2, ("left", "gated", ""): 1}


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.sampled_from(["serve", "skip", "lose", "none"])), max_size=60),
    st.sampled_from([0, 3, 10]),
)
def test_every_point_offered_ends_in_exactly_one_way(steps: list[tuple[int, str]], fps: float) -> None:
    tally = Tally()
    passed = 0
    samples = Samples("left", fps, tally)
    for at, what in steps:
        samples.see(at * MS)
        if what == "serve" and samples.serve(at * MS):
            samples.settle(at * MS, "passed")
            passed += 1
        elif what in {"skip", "lose"}:
            samples.skip(at * MS if what == "skip" else None, "gated" if what == "skip" else "dropped")
    samples.skip(None, "dropped", "broken")
    assert tally.get("left", "offered") == passed + tally.get("left", "gated") + tally.get("left", "dropped")


def test_a_camera_whose_pictures_never_decode_fills_no_memory() -> None:
    tally = Tally()
    samples = Samples("left", 10, tally)
    for n in range(30_000):
        samples.see(n * 40 * MS)
    assert len(samples._seen) <= 20_000
    assert tally.get("left", "offered") == tally.get("left", "dropped") == 4_000
