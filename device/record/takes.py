"""Takes: the worker that keeps sessions; analysis hands it scenes, and what a take's end leaves is handed on to be made into files."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import HardwareError, StorageError
from contracts.event import Event
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.channel import Channel, Closed, nothing
from device.pipeline.protocols import Tick
from device.pipeline.ring import PacketRing, RingReader
from device.pipeline.tally import Tally
from device.record.seen import History, Seen, look_of
from device.record.session import About, Sessions
from device.record.session_options import SessionOptions
from device.record.take import Take, head_of
from device.record.take_video import MS, Wanted
from vision.types import Scene

log = logging.getLogger(__name__)
PART = "takes"  # our name on the board
WAITING = 4096  # looks that may wait for the disk; each is some numbers
TURN_S, IDLE_S = 0.02, 0.5


@dataclass(frozen=True, slots=True)
class Places:
    """Folders: of the sessions, of the calibration they are given."""

    recordings: Path
    calibration: Path


class Takes:
    """Inbox[Scene] for the analysis thread, `run` for its own. Full channel: a live camera's oldest look is given up and counted
    (an `end` is remembered); of a file analysis waits (`lossless`).
    """

    def __init__(
        self,
        rings: Mapping[str, PacketRing],
        places: Places,
        options: SessionOptions,
        about: About,
        *,
        clock: Clock,
        tally: Tally,
        board: Board,
        on_take: Callable[[Path], None],
        lossless: bool = False,
        require: Callable[[], None] = nothing,
    ) -> None:
        self._rings, self._options, self._about, self._lossless = rings, options, about, lossless
        self._clock, self._tally, self._board, self._on_take, self._require = clock, tally, board, on_take, require
        self._sessions = Sessions(places.recordings, places.calibration, options, about, lambda: utc_from_ns(clock.wall_ns()))
        self._seen: Channel[Seen] = Channel(WAITING, "block" if lossless else "drop_oldest", self._lost)
        self._lost_ends: deque[Seen] = deque()
        self._history = History(options.pre_roll_ms * MS)
        self._open: Take | None = None
        self._closing: list[Take] = []
        self._end_session = threading.Event()

    @property
    def session_id(self) -> str | None:
        """The session that is open."""
        return session.session_id if (session := self._sessions.open) else None

    def end_session(self) -> str | None:
        """From any thread: the next take begins another session. The id of the one that ends; None: none is open."""
        now = self.session_id
        if now:
            self._end_session.set()
        return now

    def put(self, item: Scene, wait: bool = False) -> bool:
        look = look_of(item, self._options.labels) if item.frame.camera in self._about.cameras else None
        mine = [event for event in item.events if event.kind == self._options.kind and event.life != "update"]
        for event in mine or (None,):
            if look or event:
                self._seen.put(self._with_readers(Seen(look, event, item.frame.mono_ns, item.frame.pts_ns, item.model)), wait)
                look = None
        return True

    def _with_readers(self, seen: Seen) -> Seen:
        """Cursors at the pre-roll of every camera, taken while the rings are sure to hold it."""
        event = seen.event
        if event is None or event.life != "new":
            return seen
        from_ns = seen.mono_at(event.start_pts_ns) - self._options.pre_roll_ms * MS
        for camera in self._about.cameras:
            newest = self._rings[camera].newest()
            if newest is None:
                continue  # nothing came of it yet; the take says so
            at_pts_ns = newest.pts_ns - (newest.mono_ns - from_ns)
            seen.readers[camera] = self._rings[camera].reader(self._lossless, from_pts_ns=at_pts_ns)
            info = newest.stream
            turned = info.rotation % 180 != 0
            seen.sizes[camera] = (info.height, info.width) if turned else (info.width, info.height)
        return seen

    def _lost(self, seen: Seen) -> None:
        self._tally.count(self._about.camera, "not_kept", "takes_late")
        for reader in seen.readers.values():
            reader.close()
        if seen.event and seen.event.life == "end":
            self._lost_ends.append(seen)

    def close(self) -> None:
        """No more scenes; `run` ends when the open takes are closed."""
        self._seen.close()

    def run(self, tick: Tick) -> None:
        try:
            while True:
                tick()
                if not self.step():
                    self._wait()
        except Closed:
            self._stop(tick)

    def _wait(self) -> None:
        with suppress(TimeoutError):
            self._hear(self._seen.get(TURN_S if self._open or self._closing else IDLE_S))

    def step(self) -> bool:
        """One round: hear what came, feed the takes, close what is done. True when there was something to do."""
        while self._lost_ends:  # first: they came before all that wait
            self._hear(self._lost_ends.popleft())
        for _ in range(len(self._seen)):
            self._hear(self._seen.get(0))
        busy = [self._feed(take) for take in [*self._closing, *([self._open] if self._open else [])]]
        self._end_sessions()
        return any(busy)

    def _hear(self, seen: Seen) -> None:
        if seen.look:
            self._history.add(seen.look)
            for take in [*self._closing, *([self._open] if self._open else [])]:
                self._guard(take, lambda take=take: take.see([seen.look]))  # type: ignore[misc]
        if seen.event and seen.event.life == "new":
            self._begin(seen, seen.event)
        elif seen.event and self._open and self._open.head.event == seen.event.id:
            take, event = self._open, seen.event
            take.end(event.end or event.t, self._history.mono_at(event.camera, event.pts_ns, seen), str(event.data.get("reason", "")))
            self._open = None
            self._closing.append(take)

    def _begin(self, seen: Seen, event: Event) -> None:
        options = self._options
        start_ns = max(0, self._history.mono_at(event.camera, event.start_pts_ns, seen))
        wanted = Wanted(
            event.id, event.kind, start_ns, options.pre_roll_ms, options.post_roll_ms, self._about.device, self._about.software,
            options.reserve_mb * 1_000_000,
        )  # fmt: skip
        take = None
        try:
            self._require()
            placed = self._sessions.place(event.start, self._clock.mono_ns(), seen.sizes)
            take = Take(placed.folder, head_of(options, self._about, placed, event, start_ns, seen.model), wanted, seen.readers)
            take.faults += [f"camera {name}: no picture came of it; see its state" for name in self._missing(seen.readers)]
            take.see(self._history.looks)
        except StorageError as error:
            self._failed(error)
            if take:
                take.abandon()
            for reader in seen.readers.values():
                reader.close()
            return
        self._open = take
        log.info("take begun", extra={"take": placed.pitch_id})

    def _missing(self, readers: Mapping[str, RingReader]) -> list[str]:
        return [camera for camera in self._about.cameras if camera not in readers]

    def _feed(self, take: Take) -> bool:
        busy = self._guard(take, lambda: take.step(self._clock.mono_ns(), not self._lossless))
        if take.done and take in self._closing:
            self._close(take)
        return bool(busy)

    def _close(self, take: Take) -> None:
        self._closing.remove(take)
        try:
            clips = take.close()
        except StorageError as error:
            self._drop(take, error)
            return
        for clip in clips:
            self._tally.count(clip.camera, "take_bytes", by=clip.bytes)
        self._tally.count(take.head.camera, "takes")
        self._sessions.active(self._clock.mono_ns())
        self._board.part(PART, "ok", wall_ns=self._clock.wall_ns())
        log.info("take kept", extra={"take": take.head.pitch_id, "clips": len(clips)})
        self._on_take(take.folder)

    def _guard(self, take: Take, call: Callable[[], bool | None]) -> bool | None:
        try:
            return call()
        except (StorageError, HardwareError) as error:
            self._drop(take, error)
            return None

    def _drop(self, take: Take, error: Exception) -> None:
        """The disk refused: what is there stays and is recovered by the next start; the next take tries again."""
        take.abandon()
        if take is self._open:
            self._open = None
        if take in self._closing:
            self._closing.remove(take)
        self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._tally.count(self._about.camera, "not_kept", "take_failed")
        self._board.part(PART, "degraded", str(error), self._clock.wall_ns())
        log.error("a take could not be kept", extra={"reason": str(error)})

    def _end_sessions(self) -> None:
        if self._open or self._closing:
            return
        reason = "command" if self._end_session.is_set() else "idle" if self._sessions.idle(self._clock.mono_ns()) else ""
        if reason:
            self._end_session.clear()
            self._finish_session(reason)

    def _finish_session(self, reason: str) -> None:
        try:
            self._sessions.end(reason)
        except StorageError as error:
            self._failed(error)

    def _stop(self, tick: Tick) -> None:
        """All that is still in the rings and was asked for, then the takes and the session are closed."""
        while self.step():
            tick()
        if self._open:
            self._closing.append(self._open)
            self._open = None
        for take in list(self._closing):
            tick()
            self._close(take)
        self._finish_session("stopped")
