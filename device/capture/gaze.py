"""Gaze: which packets of a camera are decoded and which of its samples go on, by media time alone."""

from __future__ import annotations

from collections.abc import Callable

from device.capture.decoder import Decoder
from device.capture.sampling import Samples
from device.capture.span import Span
from device.pipeline.board import GateWord
from device.pipeline.packets import Packet
from device.pipeline.protocols import Gate
from vision.types import Frame

EARLY = 0.9  # a key frame is watched when this part of the interval has passed: times are rounded
NEVER = 1 << 62


class Gaze:
    """Four ways to look; a file and a live camera take the same ones at the same pictures:

    off       no gate: everything is decoded, every sample goes on
    idle      one key frame each interval is decoded by itself and compared; the rest is kept as packets
    watching  key frames are too far apart for that: everything is decoded, the gate judges each sample
    active    something moves: every sample goes on until nothing has moved for the gate's hold time

    When an idle camera stirs, everything since the key frame watched before is decoded after all: nothing is missed.
    """

    def __init__(
        self,
        gate: Gate | None,
        samples: Samples,
        pass_on: Callable[[Frame], None],
        say: Callable[[GateWord], None] = lambda _word: None,
        kept_back: Callable[[Frame], None] = lambda _frame: None,
    ) -> None:
        """`kept_back` hears of each picture in which the gate saw nothing and that went no further."""
        self._gate, self._samples, self._pass_on, self._say, self._kept_back = gate, samples, pass_on, say, kept_back
        self._span = Span(gate.max_wait_ns if gate else NEVER)
        self._decode: Callable[[Packet], list[Frame]] = lambda _packet: []
        self._decoder: Decoder | None = None
        self._looked_ns: int | None = None  # media time of the newest picture the gate has seen
        self._moved_ns = 0  # and of the newest in which something moved
        self._ending = False
        self.looking_back = False
        self.word: GateWord = "off"
        self._become("off" if gate is None else "idle")

    def begin(self, decoder: Decoder, decode: Callable[[Packet], list[Frame]]) -> None:
        """Another stream; `decode` is `decoder.decode`, perhaps measured."""
        self._decoder, self._decode = decoder, decode
        self._span.clear()
        if self.word == "watching":
            self._become("idle")

    def take(self, packet: Packet) -> None:
        """The next packet, in decoding order."""
        self._samples.see(packet.pts_ns)
        if self._gate is None or self._decoder is None:
            self._judge(self._decode(packet))
        elif self.word == "idle":
            self._idle(packet, self._gate, self._decoder)
        else:
            self._awake(packet, self._decoder)

    def end(self) -> None:
        """The stream ends here: what was kept undecoded is looked at after all."""
        if self._decoder is None:
            return
        self._ending = True
        if self.word == "idle":
            self._look_back("watching", self._decoder)
        self._judge(self._decoder.flush())
        self._samples.skip(None, "dropped", "broken")
        self._ending = False

    def jump(self, reason: str) -> None:
        """Packets were left out: the next one is a key frame, and what is undecided is lost."""
        self._samples.skip(None, "dropped", reason)
        self._span.clear()
        if self._decoder is not None:
            self._decoder.reset()

    def _idle(self, packet: Packet, gate: Gate, decoder: Decoder) -> None:
        due = self._looked_ns is None or packet.pts_ns - self._looked_ns >= gate.watch_interval_ns * EARLY
        frame = decoder.still(packet) if packet.key and due else None
        if frame is None:
            self._span.add(packet)
            if self._span.long:
                self._look_back("watching", decoder)
            return
        self._looked_ns = packet.pts_ns
        if not gate.moved(frame):
            self._samples.skip(packet.pts_ns, "gated")
            self._kept_back(frame)
            self._span.begin(packet)
            return
        self._moved_ns = packet.pts_ns
        self._span.add(packet)
        self._look_back("active", decoder)

    def _look_back(self, word: GateWord, decoder: Decoder) -> None:
        """Decode what was kept since the key frame watched before."""
        self._become(word)
        decoder.reset()
        kept = self._span.take()
        self.looking_back = True
        for packet in kept:
            self._follow(packet)
        self.looking_back = False

    def _awake(self, packet: Packet, decoder: Decoder) -> None:
        if self.word == "watching" and self._span.close_key(packet):
            self._judge(decoder.flush())
            if self.word == "watching":
                self._samples.skip(packet.pts_ns, "dropped", "broken")
                self._span.begin(packet)
                self._become("idle")
                return
        self._follow(packet)

    def _follow(self, packet: Packet) -> None:
        self._span.add(packet)
        if self.word != "idle":
            self._judge(self._decode(packet))

    def _judge(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self.word == "idle":
                return  # it came to rest: what follows is decoded again should it stir
            if self._gate is not None:
                self._span.trim(frame.pts_ns)
            if self._samples.serve(frame.pts_ns):
                self._sample(frame)

    def _sample(self, frame: Frame) -> None:
        gate, pts_ns = self._gate, frame.pts_ns
        if gate is not None and (self._looked_ns is None or pts_ns > self._looked_ns):
            self._looked_ns = pts_ns
            if gate.moved(frame):
                self._moved_ns = pts_ns
                self._become("active")
        if self.word == "watching":
            self._samples.settle(pts_ns, "gated")
            self._kept_back(frame)
            return
        self._samples.settle(pts_ns, "passed")
        self._pass_on(frame)
        if gate is not None and pts_ns - self._moved_ns > gate.hold_ns:
            self._rest(pts_ns)

    def _rest(self, pts_ns: int) -> None:
        """Nothing has moved for long enough. Idle needs the packets since the last key frame; else stay awake."""
        if self._span.long or self._ending:
            self._become("watching")
        elif self._span.covers(pts_ns):
            self._become("idle")

    def _become(self, word: GateWord) -> None:
        self.word = word
        self._say(word)
