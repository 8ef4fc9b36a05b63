"""Capture: reopening, backoff, isolation, a prompt stop; with sources that do what they are told."""

from __future__ import annotations

import gc
import logging
import threading
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import HardwareError
from device.capture.backoff import STEADY_NS, Backoff
from device.capture.camera import Capture
from device.capture.pump import Pump
from device.pipeline.crew import Crew
from device.pipeline.packets import Packet
from tests.device.capture.fakes import CLOCK, LosingSource, Rig, ScriptedSource, packet

CAPTURING = [  # not what other tests left running allocates meanwhile
    tracemalloc.Filter(True, f"*/{folder}/*") for folder in ("device/capture", "device/pipeline", "contracts")
]


def three() -> Iterator[Packet]:
    yield packet(0, 0, key=True)
    yield packet(1, 40)
    yield packet(2, 80)


def refused() -> Iterator[Packet]:
    raise HardwareError("camera left: rtsp://cam refuses connections; see that it is on")
    yield


def cut() -> Iterator[Packet]:
    yield packet(0, 0, key=True)
    raise HardwareError("camera left: the stream ended")


def capture(source: ScriptedSource, rig: Rig) -> Capture:
    return Capture(source, rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK, chance=lambda: 0.0)


def quick(monkeypatch: pytest.MonkeyPatch, one: Capture) -> None:
    """Waiting takes no time."""
    real = one._backoff.next_s
    monkeypatch.setattr(one._backoff, "next_s", lambda lasted: 0.0 * real(lasted))


def test_a_file_ends_and_closes_its_ring() -> None:
    rig = Rig()
    source = ScriptedSource([three], live=False)
    reader = rig.ring.reader(lossless=True)
    capture(source, rig).run(lambda: None)
    assert [p.seq for p in reader.each()] == [0, 1, 2]
    state = rig.board.cameras()["left"]
    assert (state.state, state.codec, state.width, state.height) == ("ended", "h264", 320, 180)
    assert rig.tally.get("left", "packets") == 3
    assert source.closed


def test_a_file_that_fails_ends_with_its_reason() -> None:
    rig = Rig()
    one = capture(ScriptedSource([refused], live=False), rig)
    one.run(lambda: None)
    assert rig.board.cameras()["left"].state == "ended"
    assert "refuses" in rig.board.cameras()["left"].reason
    assert isinstance(one.failure, HardwareError)


def test_packets_that_a_source_left_out_are_counted_by_reason_once_each() -> None:
    rig = Rig()
    losing = LosingSource([three])

    def damaged() -> Iterator[Packet]:
        losing.lost["damaged"] = 2
        yield packet(0, 0, key=True)
        losing.lost["damaged"] = 5
        losing.lost["sound"] = 1
        yield packet(1, 40, key=True)
        losing.lost["damaged"] = 6
        yield packet(2, 80)

    losing.scripts = [damaged]
    losing.live = False
    capture(losing, rig).run(lambda: None)
    assert {reason: n for (_, what, reason), n in rig.tally.counts().items() if what == "packets_lost"} == {"damaged": 6, "sound": 1}


def test_a_live_camera_is_reopened_until_it_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    one = capture(ScriptedSource([refused, refused, cut, three]), rig)
    quick(monkeypatch, one)
    states: list[str] = []
    monkeypatch.setattr(rig.board, "camera", lambda camera, **c: states.append(str(c.get("state"))))
    one.run(lambda: None)
    assert states == ["starting", "retrying", "retrying", "online", "retrying", "online", "ended"]
    assert rig.tally.get("left", "reconnects") == 3


def test_a_thousand_failures_leave_memory_flat_and_the_log_short(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    source = ScriptedSource([refused])
    one = capture(source, rig)
    quick(monkeypatch, one)
    sizes: dict[int, int] = {}

    def count() -> None:
        if source.opened in {200, 1200} and source.opened not in sizes:
            gc.collect()
            ours = tracemalloc.take_snapshot().filter_traces(CAPTURING)
            sizes[source.opened] = sum(trace.size for trace in ours.traces)
        if source.opened > 1200:
            one.stopping.set()

    tracemalloc.start()
    try:
        with caplog.at_level(logging.WARNING):
            one.run(count)
    finally:
        tracemalloc.stop()
    assert sizes[1200] - sizes[200] < 30_000
    assert rig.tally.get("left", "reconnects") >= 1200
    assert rig.board.cameras()["left"].state == "stopped"


def test_repeated_failures_are_logged_ever_more_rarely(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    source = ScriptedSource([refused] * 300 + [three])
    one = capture(source, rig)
    monkeypatch.setattr("device.capture.camera.Capture._rest", lambda self, tick: self._backoff.next_s(0))
    with caplog.at_level(logging.WARNING):
        one.run(lambda: None)
    assert len(caplog.records) == 10


def test_a_bug_in_a_source_stops_the_crew() -> None:
    def buggy() -> Iterator[Packet]:
        raise ZeroDivisionError
        yield

    rig = Rig()
    crew = Crew(CLOCK)
    crew.add("left", capture(ScriptedSource([buggy]), rig).run)
    crew.start()
    assert crew.wait(5)
    assert crew.crash is not None and isinstance(crew.crash[1], ZeroDivisionError)
    crew.stop()


def test_one_cameras_failure_is_not_anothers() -> None:
    rig, other = Rig(), Rig(board=None)  # type: ignore[arg-type]
    other.board, other.tally = rig.board, rig.tally
    broken = capture(ScriptedSource([refused], camera="broken"), rig)
    thread = threading.Thread(target=broken.run, args=(lambda: None,))
    thread.start()
    capture(ScriptedSource([three], live=False), other).run(lambda: None)
    assert rig.board.cameras()["left"].state == "ended"
    broken.stop()
    thread.join(2)
    assert not thread.is_alive()
    assert rig.board.cameras()["broken"].state == "stopped"


def test_stopping_is_prompt_while_it_waits_to_try_again() -> None:
    rig = Rig()
    one = Capture(ScriptedSource([refused]), rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK, chance=lambda: 1.0)
    one._backoff.failures = 10
    resting = threading.Event()
    thread = threading.Thread(target=one.run, args=(lambda: resting.set() if one._backoff.failures > 10 else None,))
    thread.start()
    assert resting.wait(5)
    before = CLOCK.mono_ns()
    one.stop()
    thread.join(5)
    assert CLOCK.mono_ns() - before < 1_000_000_000


def test_stopping_is_prompt_while_a_reader_hangs() -> None:
    """The reader's thread is stuck for ever; whoever waits for it leaves at once."""
    rig = Rig()
    reading, never = threading.Event(), threading.Event()

    def hang() -> Iterator[Packet]:
        reading.set()
        never.wait()
        yield packet(0, 0)

    pump = Pump("left", hang(), 60)

    class Hanging(ScriptedSource):
        def packets(self) -> Iterator[Packet]:
            yield from pump

        def close(self) -> None:
            pump.close()

    one = capture(Hanging([]), rig)
    thread = threading.Thread(target=one.run, args=(lambda: None,))
    thread.start()
    assert reading.wait(5)
    before = CLOCK.mono_ns()
    one.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert CLOCK.mono_ns() - before < 1_000_000_000
    never.set()


def test_a_reader_that_says_nothing_for_too_long_counts_as_failed() -> None:
    never = threading.Event()

    def hang() -> Iterator[int]:
        yield 1
        never.wait()

    pump = Pump("left", hang(), 0.05)
    items = iter(pump)
    assert next(items) == 1
    with pytest.raises(HardwareError, match=r"camera left: nothing came for 0\.05 s"):
        next(items)
    never.set()


def test_what_a_reader_raises_is_raised_to_whoever_waits_after_what_it_read() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise KeyError("bug")

    items = iter(Pump("left", fail(), 5))
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)


@given(st.lists(st.booleans(), max_size=80), st.floats(0, 1))
def test_waits_grow_to_the_cap_and_start_again_after_a_steady_connection(steady: list[bool], chance: float) -> None:
    backoff = Backoff(lambda: chance, first_s=0.5, most_s=30)
    before = 0.0
    for good in steady:
        wait = backoff.next_s(STEADY_NS if good else 0)
        assert 0.25 <= wait <= 30
        assert wait <= 0.5 if good else wait >= min(before, 15)
        before = wait


def test_cameras_that_fail_together_do_not_come_back_together() -> None:
    import random

    waits = {round(Backoff(random.Random(n).random).next_s(0), 6) for n in range(50)}
    assert len(waits) == 50
