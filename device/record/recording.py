"""Recording: what one camera is recorded for, in clips without a gap between, from the first demand's pre-roll to the last one's end."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import islice
from pathlib import Path
from uuid import UUID

from contracts.clip import Clip, Why
from contracts.errors import HardwareError, StorageError
from device.pipeline.channel import Closed
from device.pipeline.packets import Packet
from device.pipeline.ring import RingReader
from device.record.clip import ClipWriter
from device.record.demand import ENDS, Demand
from device.record.demands import Demands
from device.record.marks import Marks
from device.record.order import Order, Tail
from device.record.place import Place
from device.record.soundtrack import Soundtrack, settled

MS = 1_000_000
BATCH = 256  # packets a turn, so that one camera does not keep the others waiting
HOLD_NS = 20_000_000_000  # packets of a file wait for analysis at most this long
AWAY_NS = 10_000_000_000  # nothing has come for so long: what there is of a continuous recording is closed


class Recording:
    """Reads from the pre-roll of the first demand on. `mark_pts_ns` is how far analysis has come: of events before it nothing
    more will be heard.

    A file's packets are written only up to there, so that the same file gives the same clips however fast it is read; a live
    camera's are written at once. StorageError and HardwareError come out of `step` and `finish`; then `abandon` it.
    """

    def __init__(self, reader: RingReader, place: Place, first: Demand) -> None:
        self._place, self._lossless = place, reader.lossless
        self.demands = Demands(first)
        self._order = Order(first, first.start_pts_ns, first.pre_roll_ms, place.device, place.software)
        self._pending: deque[Packet] = deque()
        self._taken = (-1, -1)  # epoch and number of the last packet out of the ring
        self._over = False  # the ring gives nothing more
        self._writer: ClipWriter | None = None
        self._tail: Tail | None = None  # of the segment before
        self._sound = Soundtrack()
        self._marks = Marks()
        self._reader: RingReader | None = reader
        self._wrote_mono_ns: int | None = None
        self._kept_ns = 0  # in clips that are finished
        self.done_mono_ns: int | None = None  # when all that is asked for had been written
        self.skipped = 0  # packets the ring gave up before they were read
        self.safe = False  # something of it is on the disk
        self.finished: list[Clip] = []
        self.marked: list[Clip] = []  # manifests written again, for a demand that reaches back into them
        self.over: list[UUID] = []  # groups that get nothing more from this camera

    @property
    def kept_ns(self) -> int:
        """Media time of all that was written, holes not counted."""
        return self._kept_ns + (self._writer.kept_ns if self._writer else 0)

    @property
    def newest_pts_ns(self) -> int:
        """Media time up to which pictures have come out of the ring."""
        return self._pending[-1].pts_ns if self._pending else self._writer.newest_pts_ns if self._writer else -1

    def joins(self, pts_ns: int) -> bool:
        """Whether this still runs at a time."""
        return self.demands.until_pts_ns is None or pts_ns <= self.demands.until_pts_ns

    def join(self, demand: Demand, reader: RingReader) -> None:
        """The demand's own reader begins before what has been taken, so it can go on where ours was let go."""
        self.demands.join(demand)
        self._marks.reach(demand)
        self.done_mono_ns = None
        if self._reader is None:
            self._reader = reader
        elif self._reader is not reader:
            reader.close()

    def passed(self, mark_pts_ns: int) -> bool:
        """Analysis is behind the end of it: nothing can join any more."""
        until = self.demands.until_pts_ns
        return until is not None and mark_pts_ns > until

    def step(self, mark_pts_ns: int, mono_ns: int) -> bool:
        """Write what can be written; True when there was something."""
        self.marked += self._marks.write(self.demands)
        if self.done_mono_ns is not None:
            return False
        self._fetch()
        wrote = 0
        while self._pending and wrote < BATCH and self._may_write(self._pending[0], mark_pts_ns) and self._write():
            wrote += 1
        self._wrote_mono_ns = mono_ns if wrote or self._wrote_mono_ns is None else self._wrote_mono_ns
        if mono_ns - self._wrote_mono_ns > AWAY_NS and self._writer and self._order.owner.standing:
            self._cut("camera away", None)
        if (self._reached() and self._all_heard()) or (self._over and not self._pending):
            self.done_mono_ns = mono_ns
            self._let_go()  # of the writer of the ring, which may have been held back for us
        return wrote > 0

    def _fetch(self) -> None:
        if self._reader is None:
            return
        reader, before = self._reader, self._reader.skipped
        while len(self._pending) < BATCH or (self._lossless and self._held_ns() <= HOLD_NS):
            try:
                packets = reader.take(BATCH)
            except Closed:
                self._over = True
                break
            for packet in packets:
                self._take(packet)
            if not packets:
                break
        self.skipped += reader.skipped - before

    def _take(self, packet: Packet) -> None:
        if (packet.stream.epoch, packet.seq) > self._taken:
            self._taken = (packet.stream.epoch, packet.seq)
            self._pending.append(packet)

    def _held_ns(self) -> int:
        return self._pending[-1].dts_ns - self._pending[0].dts_ns if self._pending else 0

    def _may_write(self, packet: Packet, mark_pts_ns: int) -> bool:
        until = self.demands.until_pts_ns
        if until is not None:
            return packet.dts_ns < until or self._reordered(packet)
        return not self._lossless or packet.dts_ns <= mark_pts_ns or self._held_ns() > HOLD_NS

    def _reached(self) -> bool:
        first = self._pending[0] if self._pending else None
        return self.demands.until_pts_ns is not None and first is not None and not self._may_write(first, 0)

    def _all_heard(self) -> bool:
        until = self.demands.until_pts_ns
        return self._over or until is None or not (self._writer and self._writer.hears) or settled(self._pending, until)

    def _reordered(self, packet: Packet) -> bool:
        """Shown before a picture that has been written: without it there would be a gap."""
        return self._writer is not None and packet.pts_ns < self._writer.newest_pts_ns

    def _write(self) -> bool:
        """The first of the pending packets; False when others must come before it can be said where it goes."""
        packet = self._pending[0]
        if packet.key and self._writer:
            reason = self._why_cut(self._writer, packet)
            if reason and not self._cut_known(packet):
                return False
            if reason and not self._leads(packet):
                self._cut(reason, packet)
        if self._writer is None and packet.key and not self._begin(packet):
            return False
        self._pending.popleft()
        if self._writer:
            self.safe |= self._writer.write(packet)
            self._sound.board(packet)
            self._sound.play(self._writer, packet.pts_ns)
        return True

    def _begin(self, packet: Packet) -> bool:
        hears = self._sound.begins(self._pending)
        if hears is None and not self._over:
            return False
        place, tail = self._place, self._tail
        place.require()
        causes = [cause for each in self.demands.told(packet.dts_ns, self._order.owner) if (cause := each.cause(self._order.owner))]
        self._writer = ClipWriter(place.data, packet, self._order, causes, place.reserve_bytes, hears=bool(hears), after=tail)
        return True

    def _why_cut(self, writer: ClipWriter, packet: Packet) -> Why | None:
        owner = self._order.owner
        if not writer.fits(packet.stream) or (not writer.hears and self._sound.alive(packet)):
            return "stream changed"
        if owner.standing != self.demands.standing(packet.pts_ns):
            return "segment" if not owner.standing else ENDS[owner.trigger]
        longest_ns = self._place.segment_ns if owner.standing else self._place.longest_ns
        if packet.pts_ns - writer.start_pts_ns >= longest_ns:
            return "segment" if owner.standing else "longest clip"
        return None

    def _cut_known(self, packet: Packet) -> bool:
        """The picture behind a key frame says whether it can be cut there, and its sound where it belongs."""
        if self._over or len(self._pending) < 2:
            return self._over
        return not (self._writer and self._writer.hears) or settled(self._pending, packet.pts_ns)

    def _leads(self, packet: Packet) -> bool:
        """Pictures behind it are shown before it, and need those before it: no place to cut at, but for want of a better one."""
        following = next(islice(self._pending, 1, None), None)
        leads = following is not None and following.pts_ns < packet.pts_ns and following.stream.epoch == packet.stream.epoch
        longest_ns = self._place.segment_ns if self._order.owner.standing else self._place.longest_ns
        writer = self._writer
        return leads and writer is not None and writer.fits(packet.stream) and packet.pts_ns - writer.start_pts_ns < 2 * longest_ns

    def _cut(self, reason: Why, packet: Packet | None) -> None:
        """Go on in the next segment, which begins with this packet, or with the next that comes."""
        self._close(reason, None)
        owner = self.demands.owner()
        start_pts_ns = packet.pts_ns if packet else owner.start_pts_ns
        self._order = replace(self._order, owner=owner, segment=self._order.segment + 1, start_pts_ns=start_pts_ns, pre_roll_ms=0)

    def _close(self, reason: Why, ended_pts_ns: int | None) -> None:
        writer = self._writer
        if writer is None:
            return
        self._sound.play_late(writer, writer.tail.end_ns, self._pending)
        writer.sounds_lost += self._sound.lost
        self._sound.lost = 0
        owner, tail = self._order.owner, writer.tail
        causes = self.demands.causes(writer.start_pts_ns, tail.end_ns, owner)
        self.finished.append(clip := writer.close(causes, reason, ended_pts_ns))
        self._kept_ns += writer.kept_ns
        self._tail, self._writer = tail, None
        self._marks.closed(writer.video, clip, owner)
        self.over += self.demands.drop_before(tail.end_ns)

    def finish(self) -> None:
        """Close the clip with what was written; it says whether that is all that was asked for."""
        over: Why = "end of file" if self._over and self._lossless else "stopped"
        self._close(self.demands.why if self._reached() else over, self.demands.ended_pts_ns)
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
