"""Decoder: packets of one stream to frames; what is broken is counted and left behind at the next key frame."""

from __future__ import annotations

import logging
import os
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

from device.capture.annexb import PARAMETER_SETS
from device.capture.planes import AvPlanes, Scaler
from device.pipeline.contexts import AvPacket, av_packet, decoder_context
from device.pipeline.packets import Packet, StreamInfo
from vision.types import Frame

log = logging.getLogger(__name__)
NANOSECONDS = Fraction(1, 1_000_000_000)
PENDING = 256  # packets without a picture yet; no codec holds back more


def open_context(stream: StreamInfo, threaded: bool, threads: int = 0) -> VideoCodecContext:
    """Frame threads are half again as fast but hold pictures back: for files that are read whole. `threads`: 0 for those there are."""
    context = decoder_context(stream.codec, stream.extradata)
    context.thread_type = "FRAME" if threaded else "SLICE"
    context.thread_count = threads or min(4, os.cpu_count() or 1)
    if stream.codec not in PARAMETER_SETS and stream.width:
        context.width, context.height = stream.width, stream.height  # some (msmpeg4, wmv) have it nowhere but in the container
    if stream.codec == "rawvideo":
        context.pix_fmt = stream.pix_fmt
    return context


class Decoder:
    """`broken`: packets that gave no picture because of damage; `silent`, `silent_keys`: packets, key frames since the last one."""

    def __init__(self, stream: StreamInfo, threaded: bool = False, threads: int = 0) -> None:
        self._context = open_context(stream, threaded, threads)
        self._turns, self._hides = stream.rotation // 90, stream.hides
        self._scaler = Scaler()
        self._pending: dict[int, Packet] = {}
        self._at_key = True  # nothing can be decoded until a key frame comes
        self.broken = self.silent = self.silent_keys = 0

    def decode(self, packet: Packet) -> list[Frame]:
        """Pictures that are ready, in order of presentation."""
        if self._at_key and not packet.key:
            return []
        self._at_key = False
        self.silent += 1
        self.silent_keys += packet.key
        self._pending[packet.pts_ns] = packet
        if len(self._pending) > PENDING:
            del self._pending[next(iter(self._pending))]
        return self._run(_encoded(packet))

    def flush(self) -> list[Frame]:
        """What is still held back; the next packet must be a key frame."""
        frames = self._run(None)
        self.reset()
        return frames

    def reset(self) -> None:
        """Forget everything; the next packet must be a key frame."""
        if self._context.is_open:
            self._context.flush_buffers()
        self._pending.clear()
        self._at_key = True

    def still(self, packet: Packet) -> Frame | None:
        """A key frame by itself."""
        self.reset()
        frames = self.decode(packet) + self.flush()
        return frames[0] if frames else None

    def _run(self, encoded: AvPacket | None) -> list[Frame]:
        try:
            pictures = self._context.decode(encoded)
        except av.error.FFmpegError:
            self.broken += 1
            self.reset()
            return []
        return [frame for picture in pictures if (frame := self._frame(picture)) is not None]

    def _frame(self, picture: av.VideoFrame) -> Frame | None:
        packet = self._pending.pop(picture.pts, None) if picture.pts is not None else None
        if packet is None or picture.is_corrupt:
            self.broken += 1
            return None
        self.silent = self.silent_keys = 0
        aspect = self._context.sample_aspect_ratio or Fraction(1)
        planes = AvPlanes(picture, self._scaler, self._turns or -picture.rotation // 90, aspect, self._hides)
        return Frame(packet.camera, packet.seq, packet.pts_ns, packet.mono_ns, packet.wall_ns, planes)


def _encoded(packet: Packet) -> AvPacket:
    return av_packet(packet.data, pts=packet.pts_ns, dts=packet.dts_ns, time_base=NANOSECONDS, is_keyframe=packet.key)
