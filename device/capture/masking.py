"""Masking: the worker that makes the packets of a camera with masks anew, black where its owner hides something."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import replace
from fractions import Fraction
from typing import cast

import av

from device.capture.decoder import PENDING, Decoder
from device.capture.demux import DEFAULT_RATE, encoded_stream
from device.capture.encoder import SOFTWARE, Encoder
from device.capture.planes import AvPlanes
from device.capture.units import Unit
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.channel import Closed, nothing
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.protocols import Tick
from device.pipeline.ring import PacketRing
from device.pipeline.sound import Sound
from device.pipeline.tally import Tally
from vision.types import Frame

log = logging.getLogger(__name__)
BEHIND_NS = 2_000_000_000  # live: so far behind it goes on at the newest key frame; what is left out is counted
PART = "masks"  # our name on the board
GRACE_NS = 4_000_000_000  # at the end of the run, for what is still to be made


class Masking:
    """One a camera with masks, from the ring that the camera fills to the one that everybody else reads; make it before the first
    packet comes. Times, numbers and sound stay those of the packets that came; packets that hide nothing go on as they are.
    """

    def __init__(self, camera: str, ring: PacketRing, shown: PacketRing, *, live: bool, board: Board, tally: Tally, clock: Clock) -> None:
        self._camera, self._ring, self._shown, self._live = camera, ring, shown, live
        self._board, self._tally, self._clock, self._failed = board, tally, clock, False
        self._reader = ring.reader(lossless=not live)
        self._came: StreamInfo | None = None
        self._decoder: Decoder | None = None
        self._encoder: Encoder | None = None
        self._stream: StreamInfo | None = None  # that we make
        self._made_of: OrderedDict[int, Packet] = OrderedDict()  # by time
        self._sounds: list[Sound] = []
        self._encoder_name = None if live else SOFTWARE  # a file gives the same clip on every box
        self._jump_to: int | None = None
        self._skipped = 0
        self._tick: Tick = nothing
        self._until_ns: int | None = None
        self.done = threading.Event()

    def run(self, tick: Tick) -> None:
        """The worker."""
        self._tick = tick
        try:
            for packet in self._reader.each(self._on_tick):
                self._take(packet)
            self._begin(None)
        except Closed:
            pass  # nobody takes any more
        finally:
            self._reader.close()
            self._shown.close()
            self.done.set()

    def stop(self) -> None:
        """From any thread, when nothing more comes: what is there is made, but not for ever."""
        self._until_ns = self._clock.mono_ns() + GRACE_NS

    def _on_tick(self) -> None:
        self._tick()
        if self._until_ns is not None and self._clock.mono_ns() > self._until_ns:
            self._shown.close()

    def _take(self, packet: Packet) -> None:
        if self._live and self._left_out(packet):
            return
        if packet.stream != self._came:
            self._begin(packet.stream)
        if self._decoder is None:
            self._shown.append(packet, self._on_tick)
            return
        self._sounds += packet.sounds
        self._made_of[packet.pts_ns] = packet
        if len(self._made_of) > PENDING:  # its picture never came out of the decoder
            self._give_up(next(iter(self._made_of)))
        before_ns = self._clock.mono_ns()
        for frame in self._decoder.decode(packet):
            self._encode(frame)
        self._tally.took(self._camera, "mask", self._clock.mono_ns() - before_ns)

    def _left_out(self, packet: Packet) -> bool:
        """The box cannot keep up: everything before a newer key frame is given up, for a late clip is better than none."""
        if self._reader.skipped != self._skipped:
            self._lose(self._reader.skipped - self._skipped)
            self._skipped = self._reader.skipped
        newest, key = self._ring.newest(), self._ring.last_key()
        behind = newest is not None and newest.pts_ns - packet.pts_ns > BEHIND_NS
        if self._jump_to is None and behind and key is not None and key.seq > packet.seq:
            self._jump_to = key.seq
        if self._jump_to is None or packet.seq >= self._jump_to:
            self._jump_to = None
            return False
        self._sounds.clear()
        self._lose(1)
        return True

    def _lose(self, count: int) -> None:
        self._tally.count(self._camera, "packets_lost", "masking", count)
        if self._decoder is not None:
            self._decoder.reset()

    def _begin(self, stream: StreamInfo | None) -> None:
        """Another stream, or none any more: what is held back of the one before comes first."""
        for frame in self._decoder.flush() if self._decoder else []:
            self._encode(frame)
        for unit in self._encoder.flush() if self._encoder else ():
            self._give(unit)
        self._came, self._encoder, self._stream = stream, None, None
        self._decoder = Decoder(stream) if stream is not None and stream.hides else None
        for pts_ns in list(self._made_of):
            self._give_up(pts_ns)

    def _encode(self, frame: Frame) -> None:
        planes = cast(AvPlanes, frame.planes)  # of our own decoder
        try:
            self._encoder = self._encoder or self._opened(planes)
            units = [*self._encoder.encode(planes.picture(), frame.pts_ns)]
        except (av.error.FFmpegError, OSError, ValueError, LookupError) as error:
            self._refused(error)
            self._give_up(frame.pts_ns)
            return
        if self._failed:
            self._failed = False
            self._board.part(PART, "ok", "", self._clock.wall_ns())
        for unit in units:
            self._give(unit, planes)

    def _opened(self, planes: AvPlanes) -> Encoder:
        picture, came = planes.picture(), self._came
        rate: Fraction = (came.rate if came else None) or DEFAULT_RATE
        self._stream = None
        return Encoder(picture.width, picture.height, rate, name=self._encoder_name, aspect=planes.aspect)

    def _refused(self, error: Exception) -> None:
        """A box's own encoder may have no more room: then it is the processor's. Nothing goes on unmasked, rather nothing does."""
        reason = f"camera {self._camera}: its masked pictures cannot be encoded ({error}), so it has no clips"
        if self._encoder_name != SOFTWARE:
            log.warning("encoder failed, the software's serves", extra={"camera": self._camera, "reason": str(error)})
        elif not self._failed:
            self._failed = True
            self._board.part(PART, "failed", reason, self._clock.wall_ns())
            log.error("masked pictures cannot be encoded", extra={"camera": self._camera, "reason": str(error)})
        self._encoder_name, self._encoder = SOFTWARE, None

    def _give_up(self, pts_ns: int) -> None:
        """One packet. Sound waits for the next picture, but not without bound where none is made any more."""
        if self._made_of.pop(pts_ns, None) is not None:
            del self._sounds[:-PENDING]
            self._tally.count(self._camera, "packets_lost", "masking")

    def _give(self, unit: Unit, planes: AvPlanes | None = None) -> None:
        came = self._made_of.pop(unit.pts_ns or 0, None)
        encoder = self._encoder
        if came is None or encoder is None:
            return
        if self._stream is None:
            self._stream = self._described(unit, came.stream, planes)
        sounds, self._sounds = tuple(self._sounds), []
        made = replace(came, stream=self._stream, dts_ns=came.pts_ns, key=unit.key, data=unit.data, sounds=sounds)
        self._shown.append(made, self._on_tick)

    def _described(self, first: Unit, came: StreamInfo, planes: AvPlanes | None) -> StreamInfo:
        size = self._encoder.size if self._encoder else (came.width, came.height)
        coded = encoded_stream(self._camera, first, size, came.rate or DEFAULT_RATE, came.epoch)
        return replace(coded, sound=came.sound, rotation=planes.turns * 90 if planes else came.rotation)
