"""Recording: what one camera is being recorded for, from the first event's pre-roll to the last event's post-roll."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from contracts.clip import Cause, Clip, Why
from contracts.errors import HardwareError, StorageError
from contracts.event import Event
from device.pipeline.channel import Closed
from device.pipeline.packets import Packet
from device.pipeline.ring import RingReader
from device.record.clip import ClipWriter, Order

MS = 1_000_000
BATCH = 256  # packets a turn, so that one camera does not keep the others waiting
HOLD_NS = 20_000_000_000  # packets of a file wait for analysis at most this long


@dataclass(frozen=True, slots=True)
class Place:
    """Where recordings go and how long they may be."""

    data: Path
    longest_ns: int
    reserve_bytes: int


class Recording:
    """Reads from the pre-roll of the first event on. `mark_pts_ns` is how far analysis has come: of events before it nothing
    more will be heard.

    A file's packets are written only up to there, so that the same file gives the same clips however fast it is read; a live
    camera's are written at once. StorageError and HardwareError come out of `step` and `finish`; then `abandon` it.
    """

    def __init__(self, reader: RingReader, place: Place, order: Order) -> None:
        self._place, self._order, self._lossless = place, order, reader.lossless
        self._causes: dict[UUID, Cause] = {}
        self._open: set[UUID] = set()
        self._ended_pts_ns = order.start_pts_ns
        self._until_pts_ns: int | None = None
        self._pending: deque[Packet] = deque()
        self._taken = (-1, -1)  # epoch and number of the last packet out of the ring
        self._over = False  # the ring gives nothing more
        self._writer: ClipWriter | None = None
        self._reader: RingReader | None = reader
        self.done_mono_ns: int | None = None  # when all that is asked for had been written
        self.skipped = 0  # packets the ring gave up before they were read
        self.safe = False  # something of it is on the disk
        self.finished: list[Clip] = []

    def joins(self, event: Event) -> bool:
        """Whether the event was seen while this still runs, in media time."""
        return self._until_pts_ns is None or event.pts_ns <= self._until_pts_ns

    def join(self, event: Event, reader: RingReader) -> None:
        """The event's own reader begins before what has been taken, so it can go on where ours was let go."""
        self._causes[event.id] = Cause(id=event.id, kind=event.kind, label=event.label)
        self._open.add(event.id)
        self._until_pts_ns = self.done_mono_ns = None
        if self._reader is None:
            self._reader = reader
        elif self._reader is not reader:
            reader.close()

    def leave(self, event: Event, told_pts_ns: int) -> None:
        """The event has ended: without another one the post-roll runs from when it was last seen. What came until the end was known
        is kept as well: some of it is written, and how much of it must not depend on how fast this thread was."""
        if event.id not in self._open:
            return
        self._open.remove(event.id)
        self._ended_pts_ns = max(self._ended_pts_ns, last_seen_pts_ns(event))
        if not self._open:
            self._until_pts_ns = max(last_seen_pts_ns(event) + self._order.post_roll_ms * MS, told_pts_ns)

    def passed(self, mark_pts_ns: int) -> bool:
        """Analysis is behind the end of it: nothing can join any more."""
        return self._until_pts_ns is not None and mark_pts_ns > self._until_pts_ns

    def step(self, mark_pts_ns: int, mono_ns: int) -> bool:
        """Write what can be written; True when there was something."""
        if self.done_mono_ns is not None:
            return False
        self._fetch()
        wrote = 0
        while self._pending and wrote < BATCH and self._may_write(self._pending[0], mark_pts_ns):
            self._write(self._pending.popleft())
            wrote += 1
        if self._reached() or (self._over and not self._pending):
            self.done_mono_ns = mono_ns
            self._let_go()  # of the writer of the ring, which may have been held back for us
        return wrote > 0

    def _fetch(self) -> None:
        if self._reader is None:
            return
        reader, before = self._reader, self._reader.skipped
        while len(self._pending) < BATCH or (self._lossless and self._held_ns() <= HOLD_NS):
            try:
                self._take(reader.get(0))
            except TimeoutError:
                break
            except Closed:
                self._over = True
                break
        self.skipped += reader.skipped - before

    def _take(self, packet: Packet) -> None:
        if (packet.stream.epoch, packet.seq) > self._taken:
            self._taken = (packet.stream.epoch, packet.seq)
            self._pending.append(packet)

    def _held_ns(self) -> int:
        return self._pending[-1].dts_ns - self._pending[0].dts_ns if self._pending else 0

    def _may_write(self, packet: Packet, mark_pts_ns: int) -> bool:
        if self._until_pts_ns is not None:
            return packet.dts_ns < self._until_pts_ns or self._reordered(packet)
        return not self._lossless or packet.dts_ns <= mark_pts_ns or self._held_ns() > HOLD_NS

    def _reached(self) -> bool:
        first = self._pending[0] if self._pending else None
        return self._until_pts_ns is not None and first is not None and not self._may_write(first, 0)

    def _reordered(self, packet: Packet) -> bool:
        """Shown before a picture that has been written: without it there would be a gap."""
        return self._writer is not None and packet.pts_ns < self._writer.newest_pts_ns

    def _write(self, packet: Packet) -> None:
        if self._writer and packet.key:
            if not self._writer.fits(packet.stream):
                self._cut("stream changed", packet)
            elif packet.pts_ns - self._writer.start_pts_ns >= self._place.longest_ns:
                self._cut("longest clip", packet)
        if self._writer is None:
            if not packet.key:
                return
            self._writer = ClipWriter(self._place.data, packet, self._order, list(self._causes.values()), self._place.reserve_bytes)
        self.safe |= self._writer.write(packet)

    def _cut(self, reason: Why, packet: Packet) -> None:
        """Go on in the next segment, which begins with this packet; the events still open are its own."""
        self._close(reason, None)
        self._causes = {event: cause for event, cause in self._causes.items() if event in self._open} or self._causes
        self._order = replace(self._order, segment=self._order.segment + 1, start_pts_ns=packet.pts_ns, pre_roll_ms=0)

    def _close(self, reason: Why, ended_pts_ns: int | None) -> None:
        if self._writer is None:
            return
        self.finished.append(self._writer.close(list(self._causes.values()), reason, ended_pts_ns))
        self._writer = None

    def finish(self) -> None:
        """Close the clip with what was written; it says whether that is all that was asked for."""
        over: Why = "end of file" if self._over and self._lossless else "stopped"
        self._close("end of event" if self._reached() else over, None if self._open else self._ended_pts_ns)
        self._let_go()

    def abandon(self) -> Path | None:
        """After an error: close what was written, or leave it as `.part` to be recovered."""
        self._let_go()
        try:
            self._close("failed", None)
        except (StorageError, HardwareError):
            return self._writer.abandon() if self._writer else None
        return None

    def _let_go(self) -> None:
        if self._reader:
            self._reader.close()
            self._reader = None


def last_seen_pts_ns(event: Event) -> int:
    """Media time of an event's `end`, which is told in capture time; its message's own time where the clock was stepped between."""
    if event.end is None:
        return event.pts_ns
    seen_ns = event.start_pts_ns + (event.end - event.start) // timedelta(microseconds=1) * 1000
    return seen_ns if event.start_pts_ns <= seen_ns <= event.pts_ns else event.pts_ns
