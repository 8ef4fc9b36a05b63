"""What ages by analysed time stands still while nobody looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device.stages.analysed import AnalysedTime, longest_step_ns
from tests.device.stages.world import MS, S


def test_each_look_adds_the_time_since_the_one_before() -> None:
    time = AnalysedTime(S)
    assert [time.advance(t * MS, True) for t in (500, 700, 950)] == [0, 200 * MS, 450 * MS]


def test_an_hour_behind_the_closed_gate_counts_as_one_step() -> None:
    time = AnalysedTime(S)
    time.advance(0, True)
    assert time.advance(3600 * S, True) == S


def test_a_look_without_an_answer_and_the_time_up_to_it_do_not_count() -> None:
    time = AnalysedTime(S)
    time.advance(0, True)
    assert [time.advance(t * MS, answered) for t, answered in ((200, False), (400, False), (600, True))] == [0, 0, 200 * MS]


def test_media_time_that_steps_back_adds_nothing() -> None:
    time = AnalysedTime(S)
    time.advance(5 * S, True)
    assert time.advance(2 * S, True) == 0
    assert time.advance(2 * S + 100 * MS, True) == 100 * MS


def test_the_longest_step_is_a_second_or_two_samples() -> None:
    assert longest_step_ns(10) == S
    assert longest_step_ns(1) == 2 * S
    assert longest_step_ns(0.5) == 4 * S


@given(st.lists(st.tuples(st.integers(-S, 10 * S), st.booleans())))
def test_it_never_goes_back_and_never_faster_than_the_film(looks: list[tuple[int, bool]]) -> None:
    time, before, pts = AnalysedTime(S), 0, 0
    for step, answered in looks:
        pts += step
        now = time.advance(pts, answered)
        assert before <= now <= before + min(max(step, 0), S)
        before = now
