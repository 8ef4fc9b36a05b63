"""The journal: takes events from scenes and by themselves, commits when due, and leaves nothing behind when it ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from contracts.event import Event
from device.clock import SystemClock
from device.pipeline.channel import Channel, nothing
from device.pipeline.passage import NoPlanes
from device.pipeline.tally import Tally
from device.publish.journal import Journal
from tests.device.publish.fakes import event
from vision.types import Detections, Frame, Scene


@dataclass
class Paper:
    """A record in memory; `due` says when it wants to be committed."""

    waiting: list[tuple[int, int]] = field(default_factory=list)
    kept: list[tuple[int, int]] = field(default_factory=list)
    commits: int = 0
    finished: bool = False
    held: threading.Event = field(default_factory=threading.Event)

    def add(self, item: Event, mono_ns: int) -> None:
        self.waiting.append((item.frame_number, mono_ns))

    def due_in_s(self) -> float:
        return 0 if self.waiting else float("inf")

    def commit(self) -> None:
        self.commits += 1
        self.kept, self.waiting = self.kept + self.waiting, []

    def finish(self) -> None:
        self.commit()
        self.finished = True


def scene(*events: Event, mono_ns: int = 7) -> Scene:
    return Scene(Frame("yard", 0, 0, mono_ns, 0, NoPlanes()), Detections.none(), events=events)


def test_events_are_written_in_order_with_the_time_of_their_frame() -> None:
    inbox: Channel[Scene | Event] = Channel(16, "block")
    papers, tally = [Paper(), Paper()], Tally()
    for item in (scene(event(1), event(2)), scene(), scene(event(3), mono_ns=9)):
        inbox.put(item)
    inbox.close()
    Journal(inbox, papers, SystemClock(), tally).run(nothing)
    assert all(paper.kept == [(1, 7), (2, 7), (3, 9)] and paper.finished for paper in papers)
    assert tally.get("", "journal", "new") == 3


def test_an_event_by_itself_is_stamped_with_now() -> None:
    inbox: Channel[Scene | Event] = Channel(16, "block")
    inbox.put(event(4))
    inbox.close()
    paper, clock = Paper(), SystemClock()
    before = clock.mono_ns()
    Journal(inbox, [paper], clock, Tally()).run(nothing)
    ((number, mono_ns),) = paper.kept
    assert number == 4
    assert mono_ns >= before


def test_events_of_one_frame_are_committed_together() -> None:
    inbox: Channel[Scene | Event] = Channel(16, "block")
    inbox.put(scene(*(event(n) for n in range(1, 6))))
    inbox.close()
    paper = Paper()
    Journal(inbox, [paper], SystemClock(), Tally()).run(nothing)
    assert paper.commits == 2, "one with all five, one at the end"


def test_it_ticks_while_nothing_happens() -> None:
    inbox: Channel[Scene | Event] = Channel(16, "block")
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 2:
            inbox.close()

    Journal(inbox, [Paper()], SystemClock(), Tally()).run(tick)
    assert ticks >= 2
