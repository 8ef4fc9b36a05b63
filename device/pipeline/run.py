"""Analysis: frames through the stages, several in flight where a stage is wide, order always restored."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from contracts.event import Event
from device.clock import Clock
from device.pipeline.channel import SLICE_S, Channel, Closed
from device.pipeline.passage import Passage, farewell
from device.pipeline.protocols import EndOfStream, Inbox, Stage, Tick, WideStage
from device.pipeline.tally import Tally
from vision.types import Detections, Frame, Scene


class Frames(Protocol):
    """Where analysis takes its frames from: LatestFrames for live, a blocking Channel for files."""

    def get(self, timeout_s: float | None = None) -> Frame | EndOfStream: ...


@dataclass(frozen=True, slots=True)
class InFlight:
    scene: Future[Scene]
    frame: Frame


@dataclass(frozen=True, slots=True)
class Ended:
    """A camera's end on its way to `follow`, with the last words of the stages before the wide one."""

    end: EndOfStream
    events: tuple[Event, ...]


class Analysis:
    """Two workers joined by a bounded channel: `feed` runs the narrow stages before the wide one and submits to it,
    `follow` waits for the answers in order, runs the stages behind it and hands scenes to the outlets.

    A frame is taken from the inbox only when there is room for its answer, so a live camera's frame is fresh when work on it
    begins. Without a wide stage everything runs in `follow`.
    """

    def __init__(
        self, frames: Frames, stages: Mapping[str, Stage | WideStage], outlets: Sequence[Inbox[Scene]], clock: Clock, tally: Tally
    ) -> None:
        names = list(stages)
        wide = [name for name in names if isinstance(stages[name], WideStage)]
        if len(wide) > 1:
            raise ValueError(f"only one stage may keep several frames in flight, not {wide}")
        cut = names.index(wide[0]) if wide else 0
        self._before, self._after = (
            Passage({name: stage for name, stage in part if not isinstance(stage, WideStage)}, clock, tally)
            for part in (list(stages.items())[:cut], list(stages.items())[cut:])
        )
        self._wide = next((s for s in stages.values() if isinstance(s, WideStage)), None)
        self._wide_name = wide[0] if wide else ""
        depth = self._wide.depth if self._wide else 1
        self._frames, self._outlets, self._clock, self._tally = frames, outlets, clock, tally
        self._room = threading.BoundedSemaphore(depth)
        self._followed = threading.Event()
        self._pending: Channel[InFlight | Ended] = Channel(depth + 8, "block")

    def feed(self, tick: Tick) -> None:
        """Worker: take, gate, submit. Ends when the inbox is closed and empty, and closes the way to `follow`;
        ends also when `follow` is gone, whose answers would never make room again."""
        try:
            while not self._followed.is_set():
                tick()
                if not self._room.acquire(timeout=SLICE_S):
                    continue
                item = self._take(tick)
                if isinstance(item, EndOfStream):
                    self._room.release()
                    self._pending.put(Ended(item, self._before.last_words(item)))
                elif not self._submit(item):
                    self._room.release()
        except Closed:
            pass
        finally:
            self._pending.close()

    def _take(self, tick: Tick) -> Frame | EndOfStream:
        while True:
            tick()
            try:
                return self._frames.get(SLICE_S)
            except TimeoutError:
                continue

    def _submit(self, frame: Frame) -> bool:
        scene = self._before(Scene(frame, Detections.none()))
        if scene is None:
            self._tally.count(frame.camera, "analysed")
            return False
        if self._wide is None:
            future: Future[Scene] = Future()
            future.set_result(scene)
        else:
            future = self._submit_wide(self._wide, scene)
        self._pending.put(InFlight(future, frame))
        return True

    def _submit_wide(self, wide: WideStage, scene: Scene) -> Future[Scene]:
        """Its duration is from the hand-over to the answer, waiting for a free worker included."""
        camera, before = scene.frame.camera, self._clock.mono_ns()
        future = wide.submit(scene)
        future.add_done_callback(lambda _: self._tally.took(camera, self._wide_name, self._clock.mono_ns() - before))
        return future

    def follow(self, tick: Tick) -> None:
        """Worker: answers in the order of their frames, the narrow stages behind, the outlets."""
        try:
            for item in self._pending.each(tick):
                if isinstance(item, Ended):
                    self._finish(item)
                else:
                    self._answer(item)
        finally:
            self._followed.set()
            self._pending.close()

    def _answer(self, item: InFlight) -> None:
        try:
            scene = self._after(item.scene.result())
        finally:
            self._room.release()
        now, camera = self._clock.mono_ns(), item.frame.camera
        self._tally.count(camera, "analysed")
        self._tally.took(camera, "capture_to_result", now - item.frame.mono_ns)
        self._tally.gauge(camera, "last_result_mono_ns", now)
        self._tally.gauge(camera, "last_frame_mono_ns", item.frame.mono_ns)
        if scene is not None:
            self._after.hand_over(scene, self._outlets)

    def _finish(self, ended: Ended) -> None:
        end = ended.end
        events = ended.events + self._after.last_words(end)
        if events:
            self._after.hand_over(farewell(end, events), self._outlets)
