"""ClipOfTake: one camera's clip of a take, from the pre-roll to the post-roll, `.part` until it is whole."""

from __future__ import annotations

from pathlib import Path

from contracts.clip import Why
from contracts.takes import TakeClip
from device.pipeline.channel import Closed
from device.pipeline.packets import Packet
from device.pipeline.ring import RingReader
from device.record.take_video import MS, Wanted, Writing

BATCH = 256  # packets a turn, so that one camera does not keep the others waiting


class ClipOfTake:
    """StorageError and HardwareError come out of `step` and `close`; then `abandon` it, and what it wrote is left to be recovered."""

    def __init__(self, folder: Path, reader: RingReader, wanted: Wanted) -> None:
        self._folder, self._reader, self._wanted = folder, reader, wanted
        self._from_ns = wanted.start_ns - wanted.pre_roll_ms * MS
        self._waiting: list[Packet] = []  # the group of pictures that may turn out to be the first
        self._held: Packet | None = None  # read, and not yet due
        self._writing: Writing | None = None
        self._skipped = 0
        self.done = False
        self.why: Why = "end of event"

    @property
    def begun(self) -> bool:
        return self._writing is not None

    def step(self, mark_ns: int, until_ns: int | None) -> bool:
        """Write what was decoded up to `mark_ns`, or up to `until_ns` once that is known; True when there was something."""
        for count in range(BATCH):
            packet = self._next()
            if packet is None or self.done:
                return count > 0
            if self._decoded_ns(packet) > (mark_ns if until_ns is None else until_ns) and not self._reordered(packet):
                self._held = packet
                self.done = until_ns is not None
                return count > 0
            self._take(packet)
        return True

    def _next(self) -> Packet | None:
        if self._held is not None:
            packet, self._held = self._held, None
            return packet
        try:
            return self._reader.get(0)
        except TimeoutError:
            return None
        except Closed:
            self.done, self.why = True, "end of file" if self._reader.lossless else "stopped"
            return None

    def _decoded_ns(self, packet: Packet) -> int:
        return packet.mono_ns - (packet.pts_ns - packet.dts_ns)

    def _reordered(self, packet: Packet) -> bool:
        """Shown before a picture that has been written: without it there would be a gap."""
        return self._writing is not None and packet.pts_ns < self._writing.newest_pts_ns

    def _take(self, packet: Packet) -> None:
        if self._writing:
            self._write(self._writing, packet)
            return
        if packet.key and (packet.mono_ns <= self._from_ns or not self._waiting):
            self._waiting = [packet]
        elif self._waiting:
            self._waiting.append(packet)
        if self._waiting and packet.mono_ns >= self._from_ns:
            first, *rest = self._waiting
            self._waiting = []
            self._writing = Writing(self._folder, first, self._wanted)
            for each in (first, *rest):
                self._write(self._writing, each)

    def _write(self, writing: Writing, packet: Packet) -> None:
        if self.done:
            return
        if packet.key and not writing.fits(packet.stream):
            self.done, self.why = True, "stream changed"
            return
        writing.write(packet)

    def sync(self) -> None:
        if self._writing:
            self._writing.file.sync()

    def close(self, ended_ns: int | None) -> TakeClip | None:
        """Whole on the disk under its own name; None: there was no picture. Harmless when there is nothing to close."""
        self._reader.close()
        clip = self._writing.close(self.why, ended_ns) if self._writing else None
        self._writing = None  # not before: what could not be closed is still to be abandoned
        return clip

    def abandon(self) -> None:
        self._reader.close()
        if self._writing:
            self._writing.abandon()
