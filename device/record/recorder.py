"""Recorder: the worker that keeps clips of events, hours and commands; analysis hands it scenes, capture is never held up by it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from contracts.clip import Clip, group_id
from contracts.errors import HardwareError, StorageError
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.channel import Closed, nothing
from device.pipeline.protocols import Tick
from device.pipeline.ring import PacketRing, RingReader
from device.pipeline.tally import Tally
from device.record.again import Again
from device.record.ask import Ask
from device.record.demand import Demand
from device.record.ear import Ear
from device.record.groups import GroupDone, Groups
from device.record.layout import video_of
from device.record.mending import Mending, Refused
from device.record.options import RecordOptions
from device.record.place import place
from device.record.recording import Recording
from device.record.standing import Standing
from device.record.triggers import Trigger, last_seen_pts_ns
from device.record.wishes import Begin, End, Wishes
from vision.types import Scene

log = logging.getLogger(__name__)
TURN_S = 0.2  # how often an open clip is fed: with the fragment that is not full yet, less than a second can be lost
IDLE_S = 1.0
SETTLE_NS = 2_000_000_000  # analysis has been silent so long: an event can no longer join
FOREVER = (1 << 62, 0)  # a mark behind everything


class Recorder:
    """Inbox[Scene] for the analysis thread, `run` for its own; `start` and `stop` for whoever gives commands.

    `on_clip` hears of each clip that is finished, and again when an event marks it later; `on_group` of each recording that is
    complete. Both are called on the recorder's thread and must be quick. `require`: StorageError when the disk is not there any more.
    Hours are for live cameras; of a file (`lossless`) only events are kept, and analysis waits for the recorder. See also `Ear`.
    """

    def __init__(
        self,
        rings: Mapping[str, PacketRing],
        data: Path,
        options: RecordOptions,
        *,
        clock: Clock,
        tally: Tally,
        board: Board,
        device: str = "",
        software: str = "",
        lossless: bool = False,
        on_clip: Callable[[Clip], None] = lambda _: None,
        finished: Callable[[Clip, str], None] = lambda _clip, _video: None,
        on_group: Callable[[GroupDone], None] = lambda _: None,
        refused: Refused = lambda _: None,
        require: Callable[[], None] = nothing,
    ) -> None:
        self._rings, self._options, self._clock, self._tally = rings, options, clock, tally
        self._place = place(data, options, device, software, require)
        self._on_clip, self._groups, self._again = on_clip, Groups(on_group), Again()
        self._finished = finished  # the clip and its video's path, relative to the data; for the index
        self._ear = Ear(rings, options, clock, tally, lossless)
        self._open: dict[str, Recording] = {}
        standing = Standing(options, () if lossless else tuple(rings), device, clock.wall_ns())
        self._wishes = Wishes(rings, standing, options.when.command, clock=clock, tally=tally)
        self._mending = Mending(data, self._place.reserve_bytes, refused, board=board, tally=tally, clock=clock, on_clip=self._tell)

    def put(self, item: Scene, wait: bool = False) -> bool:
        return self._ear.put(item, wait)

    def start(self, cameras: Sequence[str] = (), max_s: float | None = None, note: str = "") -> UUID:
        """Record these (none named: all) until `stop`, at most so long; the group's id. From any thread."""
        return self._ear.ask(lambda: self._start(list(dict.fromkeys(cameras)) or list(self._rings), max_s, note))[0]

    def stop(self, group: UUID | None = None, cameras: Sequence[str] = ()) -> list[UUID]:
        """End this recording by command, or all that record one of these cameras, or all; those that were ended. From any thread."""
        return self._ear.ask(lambda: self._stop_groups(group, cameras))

    def close(self) -> None:
        """No more scenes; `run` ends when the open clips are closed."""
        self._ear.close()

    def run(self, tick: Tick) -> None:
        try:
            while True:
                tick()
                if not self.step():
                    self._hear(self._ear.wait(TURN_S if self._open else IDLE_S))
        except Closed:
            self._end(tick)

    def step(self) -> bool:
        """One round: hear what came, feed every open clip, close what is done. True when there was something to write."""
        marks = self._ear.marks()
        self._hear(self._ear.waiting())
        self._change(self._wishes.step())
        self._try_again()
        busy = [self._feed(camera, recording, marks) for camera, recording in list(self._open.items())]
        return any(busy)

    def _hear(self, messages: Iterable[Trigger | Ask]) -> None:
        for message in messages:
            if isinstance(message, Ask):
                message.answer()
            elif message.event.life == "end":
                self._leave(message)
            elif message.cursors:
                self._enter(message)
            elif message.event.camera not in self._rings:
                log.error("no packets of this camera to record", extra={"camera": message.event.camera})

    def _enter(self, message: Trigger) -> None:
        event = message.event
        self._groups.began(group_id(str(event.id)), "event", list(message.cursors))
        for camera, cursor in message.cursors.items():
            self._join(camera, message.demand(camera, self._options), cursor.reader, event.pts_ns + cursor.shift_ns)

    def _leave(self, message: Trigger) -> None:
        event = message.event
        for recording in self._open.values():
            if demand := recording.demands.get(event.id):
                recording.demands.leave(event.id, last_seen_pts_ns(event) + demand.shift_ns, message.told_pts_ns + demand.shift_ns)
        self._again.leave(event.id)

    def _join(self, camera: str, demand: Demand, reader: RingReader, pts_ns: int) -> None:
        recording = self._open.get(camera)
        if recording and not recording.joins(pts_ns):
            self._complete(camera, recording)
        if camera not in self._open:
            self._mending.step()
            self._open[camera] = Recording(reader, self._place, demand)
        self._open[camera].join(demand, reader)

    def _change(self, changes: Sequence[Begin | End]) -> None:
        for change in changes:
            camera, demand = change.camera, change.demand
            recording = self._open.get(camera)
            if isinstance(change, Begin):
                self._groups.began(demand.group, demand.trigger, [camera], demand.note)
                self._wishes.joined(camera, recording.kept_ns if recording and recording.joins(demand.told_pts_ns) else 0)
                self._join(camera, demand, self._rings[camera].reader(from_pts_ns=demand.from_pts_ns), demand.told_pts_ns)
            elif recording and recording.demands.get(demand.id):
                recording.demands.leave(demand.id, change.pts_ns, change.pts_ns, change.why)
            else:
                self._groups.over(demand.group, camera)

    def _start(self, cameras: list[str], max_s: float | None, note: str) -> list[UUID]:
        group, begins = self._wishes.start(cameras, max_s, note)
        self._change(begins)
        return [group]

    def _stop_groups(self, group: UUID | None, cameras: Sequence[str]) -> list[UUID]:
        groups = [each for each in self._wishes.running(cameras) if group in {None, each}]
        self._change([end for each in groups for end in self._wishes.stop(each)])
        return groups

    def _feed(self, camera: str, recording: Recording, marks: Mapping[str, tuple[int, int]]) -> bool:
        now = self._clock.mono_ns()
        mark_pts_ns, mark_mono_ns = marks.get(camera, (-1, 0))
        try:
            busy = recording.step(mark_pts_ns, now)
        except (StorageError, HardwareError) as error:
            self._fail(camera, recording, error)
            return True
        self._report(camera, recording)
        done = recording.done_mono_ns
        if done is not None and (recording.passed(mark_pts_ns) or now - max(done, mark_mono_ns) > SETTLE_NS):
            self._finish(camera, recording)
        return busy

    def _report(self, camera: str, recording: Recording) -> None:
        if recording.skipped:
            self._tally.count(camera, "not_kept", "recorder_late", recording.skipped)
            recording.skipped = 0
        if recording.safe:
            recording.safe = False
            self._mending.ok(camera)
        self._wishes.kept(camera, recording.kept_ns)
        while recording.finished:
            clip = recording.finished.pop(0)
            self._tally.count(camera, "clips")
            self._tally.count(camera, "clip_bytes", by=clip.bytes)
            log.info("clip kept", extra={"camera": camera, "file": clip.file, "frames": clip.frames, "reason": clip.reason})
            self._tell(clip, video_of(clip))
        for clip in recording.marked:
            self._tell(clip, video_of(clip))
        recording.marked.clear()
        while recording.over:
            self._groups.over(recording.over.pop(0), camera)

    def _tell(self, clip: Clip, video: str) -> None:
        self._groups.clip(clip)
        self._finished(clip, video)
        self._on_clip(clip)

    def _finish(self, camera: str, recording: Recording) -> None:
        try:
            recording.finish()
        except (StorageError, HardwareError) as error:
            self._fail(camera, recording, error)
            return
        del self._open[camera]
        self._let_go(camera, recording)

    def _fail(self, camera: str, recording: Recording, error: StorageError | HardwareError) -> None:
        """Recording stops and says so. What is wished of the camera is tried again, events that are on with it; else the next event is."""
        del self._open[camera]
        self._mending.failed(camera, error)
        part = recording.abandon()
        recording.safe = False
        wished = self._wishes.of(camera)
        if wished:
            wished += self._again.put(camera, self._clock.mono_ns(), recording.demands.on())
        self._let_go(camera, recording, [demand.group for demand in wished])
        if part:
            self._mending.take(part)

    def _let_go(self, camera: str, recording: Recording, kept: Collection[UUID] = ()) -> None:
        """Its last clips are told; all its groups but those that go on are over for this camera."""
        self._report(camera, recording)
        self._wishes.kept(camera, recording.kept_ns, over=True)
        for group in recording.demands.groups():
            if group not in kept:
                self._groups.over(group, camera)

    def _try_again(self) -> None:
        for camera, events in self._again.due(self._clock.mono_ns()).items():
            for demand in [*self._wishes.of(camera), *events]:
                self._join(camera, demand, self._rings[camera].reader(from_pts_ns=demand.start_pts_ns), demand.start_pts_ns)

    def _end(self, tick: Tick) -> None:
        """All that is still in the rings and was asked for, then the last clips are closed."""
        self._hear(self._ear.waiting())
        for camera, recording in list(self._open.items()):
            self._complete(camera, recording, tick)

    def _complete(self, camera: str, recording: Recording, tick: Tick = nothing) -> None:
        """Write what was asked for and is there, and close."""
        while self._open.get(camera) is recording and self._feed(camera, recording, {camera: FOREVER}):
            tick()
        if self._open.get(camera) is recording:
            self._finish(camera, recording)
