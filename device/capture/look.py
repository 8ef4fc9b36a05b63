"""Look: the worker that reads a camera's ring, has decoded what will be looked at, and hands samples to analysis."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import cast

from pydantic import Field

from device.capture.decoder import Decoder
from device.capture.gaze import Gaze
from device.capture.planes import AvPlanes
from device.capture.sampling import Samples
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.channel import Closed, nothing
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.protocols import EndOfStream, Gate, Inbox, Tick
from device.pipeline.ring import PacketRing
from device.pipeline.strict import Strict
from device.pipeline.tally import Tally
from vision.types import Frame

log = logging.getLogger(__name__)
BLIND_KEYS = 5  # key frames in a row without one picture until somebody is told
BLIND_PACKETS = 250


class Look:
    """One a camera; make it before the first packet comes. A live camera's newest sample wins in the inbox, except while it
    catches up with what an idle camera missed; too far behind, it goes on at the newest key frame. Every loss is counted.
    """

    class Options(Strict):
        """How much of a camera is looked at."""

        detection_fps: float = Field(10.0, ge=0, le=1000, description="samples a second of media time; 0: every picture")
        behind_s: float = Field(5.0, gt=0, le=600, description="live: this far behind, go on at the newest key frame")

    def __init__(
        self,
        camera: str,
        options: Options,
        ring: PacketRing,
        inbox: Inbox[Frame | EndOfStream],
        *,
        live: bool,
        gate: Gate | None,
        board: Board,
        tally: Tally,
        clock: Clock,
        stopping: threading.Event,
        on_fate: Callable[[int, str], None] = lambda _pts, _fate: None,
    ) -> None:
        self._camera, self._ring, self._inbox, self._live = camera, ring, inbox, live
        self._board, self._tally, self._clock, self._stopping = board, tally, clock, stopping
        self._behind_ns = int(options.behind_s * 1e9)
        self._samples = Samples(camera, options.detection_fps, tally, on_fate)
        self._gaze = Gaze(gate, self._samples, self._pass_on, lambda word: board.camera(camera, gate=word), self._kept_back)
        self._threaded = not live and gate is None  # frame threads hold pictures back, and a gate must decide at the same ones
        self._reader = ring.reader(lossless=not live)
        self._decoder: Decoder | None = None
        self._stream: StreamInfo | None = None
        self._last: Packet | None = None
        self._tick: Tick = nothing
        self._catching_up = False
        self._jump_to: int | None = None  # number of the packet, a key frame, at which to go on
        self._skipped = self._broken = 0
        self._blind = False

    def run(self, tick: Tick) -> None:
        """The worker."""
        self._tick = tick
        try:
            for packet in self._reader.each(tick, self._at_leisure):
                self._take(packet)
            self._gaze.end()
            self._note_broken()
            self._inbox.put(self._end())
        except Closed:
            self._samples.skip(None, "dropped", "stopped")  # the inbox takes nothing more
        finally:
            self._reader.close()

    def _at_leisure(self) -> bool:
        """Idle, only key frames are looked at: no need to wake up for the packets between. A file's writer must not wait for that."""
        return self._live and self._gaze.word == "idle"

    def _end(self) -> EndOfStream:
        reason = "stopped" if self._stopping.is_set() else "end of file"
        if self._last is None:
            return EndOfStream(self._camera, 0, self._clock.mono_ns(), self._clock.wall_ns(), reason)
        return EndOfStream(self._camera, self._last.pts_ns, self._last.mono_ns, self._last.wall_ns, reason)

    def _take(self, packet: Packet) -> None:
        self._last = packet
        if self._reader.skipped != self._skipped:
            self._tally.count(self._camera, "packets_lost", "ring", self._reader.skipped - self._skipped)
            self._skipped = self._reader.skipped
            self._gaze.jump("behind")
        if packet.stream != self._stream:
            self._begin(packet.stream)
        if self._live and self._left_out(packet):
            return
        if self._reader.behind() == 0:
            self._catching_up = False
        self._gaze.take(packet)
        self._note_broken()

    def _begin(self, stream: StreamInfo) -> None:
        self._gaze.end()
        self._stream = stream
        self._note_broken()
        self._broken = 0
        self._decoder = Decoder(stream, self._threaded)
        self._gaze.begin(self._decoder, self._decode)

    def _left_out(self, packet: Packet) -> bool:
        """Is this packet before the key frame at which to go on?"""
        if self._jump_to is None:
            newest, key = self._ring.newest(), self._ring.last_key()
            if newest is None or key is None or newest.pts_ns - packet.pts_ns <= self._behind_ns:
                return False
            self._catching_up = False
            if key.seq <= packet.seq:
                return False  # nowhere to go on; the newest sample wins again, that helps as well
            self._jump_to = key.seq
            log.warning("camera behind", extra={"camera": self._camera, "behind_s": (newest.pts_ns - packet.pts_ns) / 1e9})
        if packet.seq < self._jump_to:
            self._samples.see(packet.pts_ns)
            return True
        self._jump_to = None
        self._gaze.jump("behind")
        return False

    def _decode(self, packet: Packet) -> list[Frame]:
        self._tick()
        if self._decoder is None:
            return []
        before_ns = self._clock.mono_ns()
        frames = self._decoder.decode(packet)
        self._tally.took(self._camera, "decode", self._clock.mono_ns() - before_ns)
        return frames

    def _note_broken(self) -> None:
        """Damage is counted; a decoder that gives nothing at all is shown on the board."""
        decoder = self._decoder
        if decoder is None:
            return
        if decoder.broken != self._broken:
            self._tally.count(self._camera, "broken", by=decoder.broken - self._broken)
            self._broken = decoder.broken
        blind = decoder.silent >= BLIND_PACKETS or decoder.silent_keys >= BLIND_KEYS
        if blind != self._blind and self._stream is not None:
            self._blind = blind
            reason = f"camera {self._camera}: its {self._stream.codec} packets give no picture; see the camera's own settings"
            self._board.camera(self._camera, reason=reason if blind else "")
            log.warning("camera blind" if blind else "camera sees again", extra={"camera": self._camera})

    def _kept_back(self, frame: Frame) -> None:
        """An idle camera is seen to be alive."""
        self._tally.gauge(self._camera, "last_gated_mono_ns", frame.mono_ns)

    def _pass_on(self, frame: Frame) -> None:
        if self._stream is not None and self._stream.hides:
            cast(AvPlanes, frame.planes).picture()  # painted here, a thread a camera, and not where all cameras are analysed
        self._catching_up |= self._gaze.looking_back
        try:
            self._inbox.put(frame, wait=self._catching_up or not self._live)
        except Closed:
            self._tally.count(self._camera, "dropped", "stopped")
            raise
