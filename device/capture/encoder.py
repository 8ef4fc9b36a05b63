"""Encoder: raw pictures to H.264, on the box's own encoder where it has one; recording then knows only packets."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

from device.capture.units import Unit
from device.pipeline.contexts import AvPacket, encoder_context

log = logging.getLogger(__name__)
HARDWARE = ("h264_nvenc", "h264_v4l2m2m", "h264_qsv", "h264_amf")
SOFTWARE = "libx264"
TICKS = Fraction(1, 90_000)  # the usual clock of H.264; exact times are kept beside it
OPTIONS = {
    SOFTWARE: {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "forced-idr": "1"},
    "h264_nvenc": {"preset": "p2", "tune": "ull", "cq": "25", "forced-idr": "1", "zerolatency": "1"},
}


@functools.lru_cache(maxsize=1)
def choose() -> str:
    """The first encoder that really encodes a picture here; tried once."""
    for name in (*HARDWARE, SOFTWARE):
        if name in av.codecs_available and _works(name):
            log.info("encoder chosen", extra={"encoder": name})
            return name
    raise LookupError("this build of FFmpeg has no H.264 encoder that works")


def _works(name: str) -> bool:
    try:
        encoder = Encoder(640, 360, Fraction(25), name=name)
        return bool([*encoder.encode(av.VideoFrame(640, 360, "yuv420p"), 0), *encoder.flush()])
    except (av.error.FFmpegError, OSError, ValueError):
        return False


class Encoder:
    """A key frame at least every `gop_s` of media time, no B-frames, nothing held back by the software encoder. `aspect`: width of
    a sample over its height."""

    def __init__(
        self, width: int, height: int, rate: Fraction, gop_s: float = 1.0, name: str | None = None, aspect: Fraction = Fraction(1)
    ) -> None:
        self.name, self._aspect = name or choose(), aspect
        self._gop_ns = int(gop_s * 1e9)
        self._width, self._height = width - width % 2, height - height % 2  # 4:2:0 has no odd sizes
        self._context = self._open(rate, gop_s)
        self._times: dict[int, int] = {}  # ticks -> ns
        self._key_ns: int | None = None
        self._ticks = -1

    @property
    def size(self) -> tuple[int, int]:
        return self._width, self._height

    def _open(self, rate: Fraction, gop_s: float) -> VideoCodecContext:
        context = encoder_context(self.name)
        context.width, context.height, context.pix_fmt = self._width, self._height, "yuv420p"
        context.time_base, context.framerate = TICKS, rate
        context.gop_size, context.max_b_frames = max(1, round(rate * 2 * gop_s)), 0
        if self._aspect != 1:
            context.sample_aspect_ratio = self._aspect
        context.thread_count = 1 if self._height < 1080 else 2
        if self.name != SOFTWARE:
            context.bit_rate = max(1_000_000, int(self._width * self._height * rate * 0.08))
        context.options = dict(OPTIONS.get(self.name, {}))
        context.open()
        return context

    def encode(self, picture: av.VideoFrame, pts_ns: int) -> Iterator[Unit]:
        """Pictures come in order; any pixel format and size."""
        flat = picture.reformat(self._width, self._height, "yuv420p", interpolation="AREA", threads=1)
        self._ticks = max(self._ticks + 1, round(pts_ns * 90_000 / 1e9))
        self._times[self._ticks] = pts_ns
        flat.pts, flat.time_base = self._ticks, TICKS
        key = self._key_ns is None or pts_ns - self._key_ns >= self._gop_ns
        flat.pict_type = 1 if key else 0
        if key:
            self._key_ns = pts_ns
        return self._units(self._context.encode(flat))

    def flush(self) -> Iterator[Unit]:
        return self._units(self._context.encode(None))

    def _units(self, packets: list[AvPacket]) -> Iterator[Unit]:
        for packet in packets:
            pts_ns = self._times.pop(packet.pts or 0)
            yield Unit(pts_ns, pts_ns, 0, packet.is_keyframe, bytes(packet))
