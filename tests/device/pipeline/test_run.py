"""Analysis: order, room, ends, crashes, counts. The wide stage answers when and in the order the test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Event, event_id
from contracts.wire import utc_from_ns
from device.pipeline.channel import Channel, LatestFrames
from device.pipeline.crew import Crew
from device.pipeline.passage import NoPlanes
from device.pipeline.protocols import EndOfStream, WideStage
from device.pipeline.run import Analysis
from device.pipeline.tally import Tally
from tests.device.stages.world import MS, HandClock, end, frame
from vision.types import Frame, Scene

WAIT_S = 10.0


class Outlet:
    """Keeps what it is given; the test can wait until there is enough."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self._changed = threading.Condition()

    def put(self, item: Scene, wait: bool = False) -> bool:
        with self._changed:
            self.scenes.append(item)
            self._changed.notify_all()
        return True

    def expect(self, count: int) -> list[int]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.scenes) >= count, WAIT_S), f"{len(self.scenes)} of {count} scenes came"
            return [scene.frame.seq for scene in self.scenes]


class Wide:
    """Holds every scene until it is answered by hand."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.held: dict[int, tuple[Scene, Future[Scene]]] = {}
        self._changed = threading.Condition()

    def submit(self, scene: Scene) -> Future[Scene]:
        future: Future[Scene] = Future()
        with self._changed:
            self.held[scene.frame.seq] = (scene, future)
            self._changed.notify_all()
        return future

    def expect(self, count: int) -> list[int]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.held) >= count, WAIT_S)
            return sorted(self.held)

    def answer(self, seq: int) -> None:
        with self._changed:
            scene, future = self.held.pop(seq)
        future.set_result(replace(scene, model="seen"))

    def close(self) -> None:
        """Nothing to let go of."""


class Notes:
    """A narrow stage that writes down who came by and in which thread, and may do something to them."""

    def __init__(self, act: Callable[[Scene], Scene | None] = lambda scene: scene) -> None:
        self.seen: list[int] = []
        self.threads: set[str] = set()
        self._act = act

    def __call__(self, scene: Scene) -> Scene | None:
        self.seen.append(scene.frame.seq)
        self.threads.add(threading.current_thread().name)
        return self._act(scene)

    def finish(self, last: EndOfStream) -> tuple[Event, ...]:
        self.threads.add(threading.current_thread().name)
        return (farewell(last),)


def farewell(last: EndOfStream) -> Event:
    at = utc_from_ns(last.wall_ns)
    ident = event_id("x", "object", last.pts_ns)
    return Event(
        id=ident, life="end", kind="object", camera=last.camera, confidence=1, start=at, t=at, end=at, start_pts_ns=0, pts_ns=0
    )


@contextmanager
def running(frames: Any, stages: dict[str, Any], outlet: Any, tally: Tally | None = None) -> Iterator[Crew]:
    clock = HandClock()
    analysis = Analysis(frames, stages, [outlet], clock, tally or Tally())
    crew = Crew(clock)
    crew.on_stop(frames.close)
    crew.add("feed", analysis.feed)
    crew.add("follow", analysis.follow)
    crew.start()
    try:
        yield crew
    finally:
        for stage in stages.values():
            for seq in sorted(getattr(stage, "held", ())):
                stage.answer(seq)
        crew.stop()


def queued(count: int, maxsize: int = 100) -> Channel[Frame | EndOfStream]:
    channel: Channel[Frame | EndOfStream] = Channel(maxsize, "block")
    for seq in range(count):
        channel.put(frame(seq * 100 * MS, seq))
    return channel


def test_answers_that_come_out_of_order_leave_in_order() -> None:
    wide, outlet, after = Wide(4), Outlet(), Notes()
    assert isinstance(wide, WideStage)
    with running(queued(4), {"wide": wide, "after": after}, outlet):
        assert wide.expect(4) == [0, 1, 2, 3]
        for seq in (2, 3, 1):
            wide.answer(seq)
        assert outlet.scenes == []
        wide.answer(0)
        assert outlet.expect(4) == [0, 1, 2, 3]
    assert after.seen == [0, 1, 2, 3]
    assert {scene.model for scene in outlet.scenes} == {"seen"}


@settings(max_examples=15)
@given(st.permutations(range(6)), st.integers(1, 6))
def test_any_order_of_answers_and_any_depth_give_the_same_scenes(order: list[int], depth: int) -> None:
    wide, outlet = Wide(depth), Outlet()
    with running(queued(6), {"wide": wide}, outlet):
        left = list(order)
        while left:
            wide.expect(1)
            seq = next((seq for seq in left if seq in wide.held), None)
            if seq is not None:
                wide.answer(seq)
                left.remove(seq)
        assert outlet.expect(6) == list(range(6))


def test_a_frame_is_only_taken_when_there_is_room_for_its_answer() -> None:
    wide, outlet, frames = Wide(2), Outlet(), queued(10)
    with running(frames, {"wide": wide}, outlet):
        assert wide.expect(2) == [0, 1]
        assert len(frames) == 8
        wide.answer(1)  # not the oldest: still no room
        assert len(frames) == 8
        assert wide.expect(1) == [0]
        wide.answer(0)
        assert outlet.expect(2) == [0, 1]
        assert wide.expect(2) == [2, 3]
        assert len(frames) == 6
        for _ in range(8):
            wide.expect(1)
            wide.answer(min(wide.held))
        outlet.expect(10)


def test_a_slow_outlet_holds_the_frames_back_and_none_is_lost() -> None:
    slow: Channel[Scene] = Channel(1, "block")
    frames = queued(20)
    with running(frames, {"notes": Notes()}, slow):
        first = slow.get(WAIT_S)
        assert len(frames) > 10
        rest = [slow.get(WAIT_S).frame.seq for _ in range(19)]
    assert [first.frame.seq, *rest] == list(range(20))


def test_every_frame_offered_is_analysed_or_dropped_with_a_reason() -> None:
    tally, wide, outlet = Tally(), Wide(1), Outlet()
    frames = LatestFrames(on_drop=lambda lost: tally.count(lost.camera, "dropped", "newer frame"))
    with running(frames, {"wide": wide}, outlet, tally):
        for seq in range(50):
            tally.count("left", "offered")
            frames.put(frame(seq * MS, seq))
            if seq == 0:
                wide.expect(1)
        wide.answer(0)
        assert wide.expect(1) == [49]
        wide.answer(49)
        assert outlet.expect(2) == [0, 49]
    assert tally.get("left", "offered") == 50
    assert tally.get("left", "analysed") == 2
    assert tally.get("left", "dropped", "newer frame") == 48


def test_a_frame_that_a_stage_ends_is_analysed_and_goes_nowhere() -> None:
    tally, outlet, wide = Tally(), Outlet(), Wide(1)
    odd = Notes(lambda scene: scene if scene.frame.seq % 2 else None)
    with running(queued(6), {"odd": odd, "wide": wide}, outlet, tally):
        for seq in (1, 3, 5):
            assert wide.expect(1) == [seq]
            wide.answer(seq)
        assert outlet.expect(3) == [1, 3, 5]
    assert tally.get("left", "analysed") == 6


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_bug_in_a_stage_stops_the_crew_and_names_the_worker(place: str) -> None:
    def bug(scene: Scene) -> Scene | None:
        if scene.frame.seq == 3:
            raise ZeroDivisionError("a bug")
        return scene

    wide, outlet = Wide(3), Outlet()
    stages = {"before": Notes(bug), "wide": wide} if place == "before" else {"wide": wide, "after": Notes(bug)}
    with running(queued(50), stages, outlet) as crew:
        done = False
        while not done:
            for seq in sorted(wide.held):
                wide.answer(seq)
            done = crew.wait(0.01)
        assert crew.crash is not None
        assert crew.crash[0] == ("feed" if place == "before" else "follow")
        assert isinstance(crew.crash[1], ZeroDivisionError)
    assert [scene.frame.seq for scene in outlet.scenes] == [0, 1, 2]


def test_a_crash_behind_a_full_wide_stage_leaves_no_worker_behind() -> None:
    wide = Wide(1)

    class Breaks(Outlet):
        def put(self, item: Scene, wait: bool = False) -> bool:
            assert wide.expect(1) == [1]  # the only room is taken again, and nobody will answer
            raise ZeroDivisionError("a bug")

    with running(queued(9), {"wide": wide}, Breaks()) as crew:
        wide.expect(1)
        wide.answer(0)
        assert crew.wait(WAIT_S)
        crew.stop()
        assert crew.crash is not None and crew.crash[0] == "follow"


def test_an_exception_as_the_answer_stops_the_crew() -> None:
    wide = Wide(2)
    with running(queued(5), {"wide": wide}, Outlet()) as crew:
        wide.expect(2)
        wide.held.pop(0)[1].set_exception(OSError("the engine is gone"))
        assert crew.wait(WAIT_S)
        assert crew.crash is not None and crew.crash[0] == "follow"


def test_the_last_words_of_a_camera_come_behind_its_last_frame_each_in_the_thread_of_its_stage() -> None:
    tally, outlet, wide, before, after = Tally(), Outlet(), Wide(4), Notes(), Notes()
    frames = queued(3)
    frames.put(end(300 * MS))
    with running(frames, {"before": before, "wide": wide, "after": after}, outlet, tally):
        assert wide.expect(3) == [0, 1, 2]
        for seq in (2, 0, 1):
            wide.answer(seq)
        assert outlet.expect(4) == [0, 1, 2, -1]
    assert (before.threads, after.threads) == ({"feed"}, {"follow"})
    assert [event.life for event in outlet.scenes[-1].events] == ["end", "end"]
    assert tally.get("left", "events", "end") == 2
    with pytest.raises(LookupError, match="its camera has ended"):
        outlet.scenes[-1].frame.planes.bgr()


def test_closing_the_frames_lets_everything_taken_finish() -> None:
    wide, outlet, frames = Wide(8), Outlet(), queued(4)
    with running(frames, {"wide": wide}, outlet) as crew:
        wide.expect(4)
        frames.close()
        for seq in (3, 2, 1, 0):
            wide.answer(seq)
        assert crew.wait(WAIT_S)
        assert crew.crash is None
    assert outlet.expect(4) == [0, 1, 2, 3]


def test_durations_are_told_by_stage_the_wide_one_too() -> None:
    tally, wide, outlet = Tally(), Wide(1), Outlet()
    with running(queued(1), {"before": Notes(), "wide": wide, "after": Notes()}, outlet, tally):
        wide.expect(1)
        wide.answer(0)
        outlet.expect(1)
    assert {stage for _, stage in tally.percentiles()} == {"before", "wide", "after", "capture_to_result"}


def test_two_wide_stages_are_refused() -> None:
    with pytest.raises(ValueError, match=r"only one stage may keep several frames in flight, not \['a', 'b'\]"):
        Analysis(queued(0), {"a": Wide(1), "b": Wide(1)}, [], HandClock(), Tally())


def test_an_outlet_that_is_closed_ends_analysis_without_a_crash() -> None:
    shut: Channel[Scene] = Channel(1, "block")
    shut.close()
    with running(queued(30), {"notes": Notes()}, shut) as crew:
        assert crew.wait(WAIT_S)
        assert crew.crash is None


def test_a_picture_there_is_not_has_no_size_and_no_colours() -> None:
    nothing = NoPlanes()
    assert (nothing.width, nothing.height) == (0, 0)
    for ask in (lambda: nothing.luma(320), lambda: nothing.rgb(3, 2), nothing.bgr):
        with pytest.raises(LookupError):
            ask()
