"""Recorder: the worker that keeps clips of events; analysis hands it scenes, capture is never held up by it."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.clip import Clip
from contracts.errors import HardwareError, StorageError
from contracts.event import Event
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.channel import Channel, Closed, nothing
from device.pipeline.protocols import Tick
from device.pipeline.ring import PacketRing, RingReader
from device.pipeline.tally import Tally
from device.record.clip import Order
from device.record.layout import video_of
from device.record.options import RecordOptions
from device.record.recording import MS, Place, Recording
from device.record.recover import recover_part
from vision.types import Scene

log = logging.getLogger(__name__)
PART = "record"  # our name on the board
EVENTS = 256  # messages that may wait
TURN_S = 0.05  # how often an open clip is fed
IDLE_S = 1.0
SETTLE_NS = 2_000_000_000  # analysis has been silent so long: an event can no longer join
FOREVER = (1 << 62, 0)  # a mark behind everything
BROKEN = {errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}  # does not heal by itself


@dataclass(frozen=True, slots=True)
class Trigger:
    """A message, the media time at which it was told, and a cursor at its pre-roll, taken while the ring is sure to hold it."""

    event: Event
    told_pts_ns: int
    reader: RingReader | None


class Recorder:
    """Inbox[Scene] for the analysis thread, `run` for its own.

    Full channel: of a live camera the oldest message is given up and counted (a lost `new` is a clip less; a lost `end` is
    remembered, so that no clip runs for ever); where nothing may be lost (`lossless`, a file) analysis waits.
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
    ) -> None:
        self._rings, self._options, self._clock, self._tally, self._board = rings, options, clock, tally, board
        self._place = Place(data, options.longest_clip_s * 1_000_000_000, options.reserve_mb * 1_000_000)
        self._device, self._software, self._lossless, self._on_clip = device, software, lossless, on_clip
        self._finished = finished  # the clip and its video's path, relative to the data; for the index
        self._events: Channel[Trigger] = Channel(EVENTS, "block" if lossless else "drop_oldest", self._lost)
        self._lost_ends: list[Trigger] = []
        self._marks: dict[str, tuple[int, int]] = {}  # camera -> media time analysed, and when (mono)
        self._open: dict[str, Recording] = {}
        self._left: list[Path] = []  # what errors left behind

    def put(self, item: Scene, wait: bool = False) -> bool:
        """Takes what begins and what ends; the mark moves only behind the scene's own events."""
        for event in item.events:
            if event.life != "update":
                self._events.put(Trigger(event, item.frame.pts_ns, self._reader(event)), wait)
        self._marks[item.frame.camera] = (item.frame.pts_ns, self._clock.mono_ns())
        return True

    def _reader(self, event: Event) -> RingReader | None:
        ring = self._rings.get(event.camera)
        if ring is None or event.life != "new":
            return None
        return ring.reader(self._lossless, from_pts_ns=event.start_pts_ns - self._options.pre_roll_ms * MS)

    def _lost(self, trigger: Trigger) -> None:
        event = trigger.event
        self._tally.count(event.camera, "not_kept", f"recorder_{event.life}")
        if trigger.reader:
            trigger.reader.close()
        if event.life == "end":
            self._lost_ends.append(trigger)

    def close(self) -> None:
        """No more scenes; `run` ends when the open clips are closed."""
        self._events.close()

    def run(self, tick: Tick) -> None:
        try:
            while True:
                tick()
                if not self.step():
                    self._wait()
        except Closed:
            self._stop(tick)

    def _wait(self) -> None:
        try:
            trigger = self._events.get(TURN_S if self._open else IDLE_S)
        except TimeoutError:
            return
        self._hear(trigger)

    def step(self) -> bool:
        """One round: hear what came, feed every open clip, close what is done. True when there was something to write."""
        marks = dict(self._marks)  # before the messages: nothing older than a mark can still be waiting among them
        self._drain()
        busy = [self._feed(camera, recording, marks) for camera, recording in list(self._open.items())]
        return any(busy)

    def _drain(self) -> None:
        while len(self._events):
            self._hear(self._events.get(0))
        while self._lost_ends:
            self._hear(self._lost_ends.pop(0))

    def _hear(self, trigger: Trigger) -> None:
        event, reader = trigger.event, trigger.reader
        recording = self._open.get(event.camera)
        if event.life == "end":
            if recording:
                recording.leave(event, trigger.told_pts_ns)
            return
        if reader is None:
            log.error("no packets of this camera to record", extra={"camera": event.camera})
            return
        if recording and not recording.joins(event):
            self._complete(event.camera, recording)
        if event.camera not in self._open:
            self._open[event.camera] = self._begin(event, reader)
        self._open[event.camera].join(event, reader)

    def _begin(self, event: Event, reader: RingReader) -> Recording:
        self._left = [part for part in self._left if not self._mended(part)]
        options = self._options
        order = Order(event.id, event.start_pts_ns, options.pre_roll_ms, options.post_roll_ms, self._device, self._software)
        return Recording(reader, self._place, order)

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
            self._board.part(PART, "ok", wall_ns=self._clock.wall_ns())
        while recording.finished:
            clip = recording.finished.pop(0)
            self._tally.count(camera, "clips")
            self._tally.count(camera, "clip_bytes", by=clip.bytes)
            log.info("clip kept", extra={"camera": camera, "file": clip.file, "frames": clip.frames, "reason": clip.reason})
            self._finished(clip, video_of(clip))
            self._on_clip(clip)

    def _finish(self, camera: str, recording: Recording) -> None:
        try:
            recording.finish()
        except (StorageError, HardwareError) as error:
            self._fail(camera, recording, error)
            return
        del self._open[camera]
        self._report(camera, recording)

    def _fail(self, camera: str, recording: Recording, error: StorageError | HardwareError) -> None:
        """Recording stops and says so; what was written is kept as far as it plays; the next event tries again."""
        del self._open[camera]
        broken = isinstance(error.__cause__, OSError) and error.__cause__.errno in BROKEN
        self._board.part(PART, "failed" if broken else "degraded", str(error), self._clock.wall_ns())
        self._tally.count(camera, "not_kept", "clip_failed")
        log.error("recording stopped", extra={"camera": camera, "reason": str(error)})
        part = recording.abandon()
        recording.safe = False
        self._report(camera, recording)
        if part and not self._mended(part):
            self._left.append(part)

    def _mended(self, part: Path) -> bool:
        try:
            clip = recover_part(part, self._place.data, self._place.reserve_bytes)
        except StorageError as error:  # still no room: the next event tries again, and so does the next start
            log.warning("a cut clip waits to be closed", extra={"reason": str(error)})
            return False
        if clip:
            self._tally.count(clip.camera, "clips")
            self._finished(clip, part.with_suffix("").relative_to(self._place.data).as_posix())
            self._on_clip(clip)
        return True

    def _stop(self, tick: Tick) -> None:
        """All that is still in the rings and was asked for, then the last clips are closed."""
        self._drain()
        for camera, recording in list(self._open.items()):
            self._complete(camera, recording, tick)

    def _complete(self, camera: str, recording: Recording, tick: Tick = nothing) -> None:
        """Write what was asked for and is there, and close."""
        while self._open.get(camera) is recording and self._feed(camera, recording, {camera: FOREVER}):
            tick()
        if self._open.get(camera) is recording:
            self._finish(camera, recording)
