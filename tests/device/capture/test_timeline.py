"""Media time to capture time: jitter, reconnects, wraps and jumps of a live camera; starts of a file."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from device.capture.timeline import JUMP_NS, FileTimeline, LiveTimeline
from tests.device.capture.fakes import MS, SECOND, SetClock

STEP = 40 * MS


def test_a_files_capture_time_is_its_start_plus_media_time() -> None:
    moment = FileTimeline(1_000 * SECOND, 5 * SECOND).place(2 * SECOND, SECOND)
    assert (moment.wall_ns, moment.mono_ns, moment.pts_ns, moment.dts_ns) == (1_002 * SECOND, 7 * SECOND, 2 * SECOND, SECOND)


def test_jitter_of_the_network_does_not_move_capture_times() -> None:
    clock = SetClock()
    live = LiveTimeline(clock)
    chance = random.Random(4)
    begin = 90 * SECOND
    monos = []
    for n in range(500):
        clock.mono = begin + n * STEP + (0 if n % 50 == 3 else chance.randrange(0, 200 * MS))
        monos.append(live.place(7 * SECOND + n * STEP, None).mono_ns)
    late = [mono - (begin + n * STEP) for n, mono in enumerate(monos)]
    assert all(abs(ns) < MS for ns in late[4:])
    assert monos == sorted(monos)


def test_wall_time_is_capture_time_on_the_wall_clock() -> None:
    clock = SetClock(mono=3 * SECOND)
    moment = LiveTimeline(clock).place(0, 0)
    assert moment.wall_ns - moment.mono_ns == clock.wall


def test_media_time_goes_on_with_the_clock_over_a_reconnect() -> None:
    clock = SetClock(mono=SECOND)
    live = LiveTimeline(clock)
    for n in range(10):
        last = live.place(n * STEP, n * STEP)
        clock.go(STEP)
    clock.go(60 * SECOND)
    live.begin()
    first = live.place(123_456 * SECOND, None)
    assert first.pts_ns == 60 * SECOND + 10 * STEP
    assert first.pts_ns > last.pts_ns
    assert first.mono_ns == clock.mono_ns()


def test_a_wrap_of_the_cameras_clock_is_no_step_back() -> None:
    clock = SetClock()
    live = LiveTimeline(clock)
    wrap = (1 << 32) * 1_000_000_000 // 90_000
    times = [(wrap - 3 * STEP + n * STEP) % wrap for n in range(8)]
    placed = []
    for raw in times:
        placed.append(live.place(raw, raw).pts_ns)
        clock.go(STEP)
    assert placed == [n * STEP for n in range(8)]


def test_a_leap_of_the_cameras_clock_is_taken_out() -> None:
    clock = SetClock()
    live = LiveTimeline(clock)
    live.place(0, 0)
    clock.go(STEP)
    assert live.place(3600 * SECOND, None).pts_ns == STEP


def test_pictures_out_of_order_keep_their_order() -> None:
    clock = SetClock()
    live = LiveTimeline(clock)
    placed = []
    for pts, dts in ((80, 0), (160, 40), (120, 80), (240, 120), (200, 160)):
        placed.append(live.place(pts * MS, dts * MS))
        clock.go(STEP)
    assert [m.pts_ns - placed[0].pts_ns for m in placed] == [0, 80 * MS, 40 * MS, 160 * MS, 120 * MS]
    assert all(m.dts_ns <= m.pts_ns for m in placed)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("packet"), st.integers(-JUMP_NS, 2 * JUMP_NS), st.integers(0, 20 * SECOND)),
            st.tuples(st.just("reconnect"), st.integers(-(1 << 60), 1 << 60), st.integers(0, 100 * SECOND)),
        ),
        max_size=60,
    )
)
def test_decoding_times_always_rise_and_no_capture_lies_in_the_future(steps: list[tuple[str, int, int]]) -> None:
    clock = SetClock(mono=77 * SECOND)
    live = LiveTimeline(clock)
    raw, last = 0, -1
    for what, by, passed in steps:
        clock.go(passed)
        raw += by
        if what == "reconnect":
            live.begin()
        moment = live.place(raw, raw)
        assert moment.dts_ns > last
        assert moment.pts_ns >= moment.dts_ns
        last = moment.dts_ns


def test_packets_without_any_time_get_that_of_their_arrival() -> None:
    clock = SetClock(mono=5)
    live = LiveTimeline(clock)
    assert live.place(None, None).pts_ns == 0
    clock.go(STEP)
    assert live.place(None, None).pts_ns == STEP


def test_what_waited_while_the_connection_was_made_gets_the_times_at_which_it_was_taken() -> None:
    clock = SetClock(mono=10 * SECOND)
    live = LiveTimeline(clock)
    live.begin(waited_ns=10 * SECOND - 20 * STEP)  # the last of twenty-one packets came just now
    placed = [live.place(n * STEP, n * STEP) for n in range(21)]
    assert [m.mono_ns for m in placed] == [10 * SECOND - (20 - n) * STEP for n in range(21)]
    assert [m.pts_ns for m in placed] == [n * STEP for n in range(21)]
    clock.go(30 * SECOND)
    live.begin(waited_ns=clock.mono - 99 * SECOND - 5 * STEP)
    again = live.place(99 * SECOND, None)
    assert again.mono_ns - placed[0].mono_ns == again.pts_ns - placed[0].pts_ns
