"""The crew: one crash stops all, ticks feed the watchdog, nobody is left behind unnamed."""

from __future__ import annotations

import threading

import pytest

from device.pipeline.channel import Channel
from device.pipeline.crew import Crew, ZombieThread
from device.pipeline.protocols import Tick
from tests.device.stages.world import HandClock, S

WAIT_S = 10.0


def test_workers_that_end_by_themselves_are_done_without_a_crash() -> None:
    crew = Crew(HandClock())
    crew.add("one", lambda tick: None)
    crew.add("two", lambda tick: None)
    crew.start()
    assert crew.wait(WAIT_S)
    assert crew.crash is None
    crew.stop()


def test_one_crash_ends_the_wait_and_the_first_is_remembered(caplog: pytest.LogCaptureFixture) -> None:
    crew, forever = Crew(HandClock()), Channel[int](1, "block")

    def bug(tick: Tick) -> None:
        raise ZeroDivisionError("a bug")

    crew.add("waits", lambda tick: [None for _ in forever.each(tick)] and None)
    crew.add("breaks", bug)
    crew.on_stop(forever.close)
    crew.start()
    assert crew.wait(WAIT_S)
    crew.stop()
    assert crew.crash is not None
    assert crew.crash[0] == "breaks"
    assert "worker crashed" in caplog.text


def test_a_closed_channel_is_an_orderly_end() -> None:
    crew, channel = Crew(HandClock()), Channel[int](1, "block")
    crew.add("reads", lambda tick: channel.get() and None)
    crew.on_stop(channel.close)
    crew.start()
    crew.stop()
    assert crew.crash is None


def test_closers_are_called_in_order_and_a_failing_one_does_not_keep_the_others(caplog: pytest.LogCaptureFixture) -> None:
    crew, called, channel = Crew(HandClock()), list[str](), Channel[int](1, "block")
    crew.add("reads", lambda tick: channel.get() and None)

    def fails() -> None:
        called.append("first")
        raise OSError("cannot be closed")

    crew.on_stop(fails)
    crew.on_stop(lambda: called.append("second"))
    crew.on_stop(channel.close)
    crew.start()
    with pytest.raises(OSError, match="cannot be closed"):
        crew.stop()
    assert called == ["first", "second"]
    assert crew.wait(0)


def test_who_does_not_end_is_named() -> None:
    crew, go = Crew(HandClock()), threading.Event()
    crew.add("deaf", lambda tick: go.wait(WAIT_S) and None)
    crew.start()
    with pytest.raises(ZombieThread, match=r"deaf did not end within 0\.05 s"):
        crew.stop(0.05)
    go.set()
    crew.stop()


def test_ready_is_when_everyone_went_round_once() -> None:
    crew, go, ticked = Crew(HandClock()), threading.Event(), threading.Event()

    def quick(tick: Tick) -> None:
        tick()
        ticked.set()
        go.wait(WAIT_S)

    def slow(tick: Tick) -> None:
        go.wait(WAIT_S)

    crew.add("quick", quick)
    crew.add("slow", slow)
    crew.start()
    assert ticked.wait(WAIT_S)
    assert not crew.ready()
    go.set()
    assert crew.wait(WAIT_S)
    assert crew.ready()  # done counts as gone round
    crew.stop()


def test_late_is_who_missed_a_deadline_even_the_first_and_never_who_is_done() -> None:
    clock, go, ticked = HandClock(5 * S), threading.Event(), threading.Event()
    crew = Crew(clock)

    def once(tick: Tick) -> None:
        tick()
        ticked.set()
        go.wait(WAIT_S)

    crew.add("once", once, deadline_s=2)
    crew.add("never", lambda tick: go.wait(WAIT_S) and None, deadline_s=4)
    crew.add("done", lambda tick: None, deadline_s=1)
    crew.start()
    assert ticked.wait(WAIT_S)
    seen = []
    for now_s in (6, 8, 10):
        clock.now_ns = now_s * S
        seen.append(sorted(set(crew.late()) - {"done"}))
    assert seen == [[], ["once"], ["never", "once"]]
    go.set()
    assert crew.wait(WAIT_S)
    assert crew.late() == []
    crew.stop()


def test_two_workers_of_one_name_are_refused() -> None:
    crew = Crew(HandClock())
    crew.add("feed", lambda tick: None)
    with pytest.raises(ValueError, match="two workers named feed"):
        crew.add("feed", lambda tick: None)


def test_a_crew_that_never_started_can_be_stopped() -> None:
    crew = Crew(HandClock())
    crew.add("feed", lambda tick: None)
    crew.stop()
