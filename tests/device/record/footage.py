"""Real encoded video made at test time; every picture carries its number as a row of black and white blocks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid5

import av
import numpy as np

from contracts.event import NAMESPACE, Event
from contracts.wire import utc_from_ns
from device.pipeline.packets import Packet, StreamInfo

US = Fraction(1, 1_000_000)
WIDTH, HEIGHT, BITS = 320, 240, 16
BLOCK = WIDTH // BITS
START_PTS_NS = 5_000_000_000
START_WALL_NS = 1_795_318_586_250_000_000  # 2026-11-22T03:36:26.250Z
ENCODERS = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg"}


def picture(number: int) -> np.ndarray:
    """The number on top, something that moves below."""
    image = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
    for bit in range(BITS):
        image[:64, bit * BLOCK : (bit + 1) * BLOCK] = 235 if number >> bit & 1 else 16
    left = number * 4 % (WIDTH - 40)
    image[120:180, left : left + 40] = (200, 60, 30)
    return image


def number_in(frame: av.VideoFrame) -> int:
    luma = frame.to_ndarray(format="gray")
    return sum(1 << bit for bit in range(BITS) if luma[16:48, bit * BLOCK + 5 : (bit + 1) * BLOCK - 5].mean() > 128)


def times_us(frames: int, fps: int, variable: bool) -> list[int]:
    """Presentation times; variable ones differ by odd microseconds."""
    step = 1_000_000 // fps
    at, times = 0, []
    for n in range(frames):
        times.append(at)
        at += step + (n * 37 % 11 - 5) * 1009 if variable else step
    return times


@lru_cache(maxsize=16)
def footage(
    codec: str = "h264",
    frames: int = 150,
    fps: int = 25,
    gop: int = 25,
    b_frames: int = 0,
    variable: bool = False,
    camera: str = "left",
    first: int = 0,
    epoch: int = 0,
    start_pts_ns: int = START_PTS_NS,
    inband: bool = True,
    open_gop: bool = False,
) -> tuple[Packet, ...]:
    """Packets as capture hands them over: in decoding order, numbered, with media and capture times."""
    coder = av.CodecContext.create(ENCODERS[codec], "w")
    coder.width, coder.height, coder.time_base, coder.framerate = WIDTH, HEIGHT, US, Fraction(fps)
    coder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    if codec == "h264":
        coder.options = {"preset": "ultrafast", "g": str(gop), "bf": str(b_frames), "b_strategy": "0", "sc_threshold": "0", "threads": "1"}
    if codec == "hevc":
        opened = "min-keyint=1:open-gop=1:b-adapt=0:frame-threads=1" if open_gop else f"min-keyint={gop}"
        coder.options = {"preset": "ultrafast", "x265-params": f"keyint={gop}:{opened}:bframes={b_frames}:log-level=none:pools=1"}
    if not inband:
        coder.flags |= av.codec.context.Flags.global_header
    encoded: list[av.Packet] = []
    for n, at in enumerate(times_us(frames, fps, variable)):
        frame = av.VideoFrame.from_ndarray(picture(first + n), format="rgb24").reformat(format=coder.pix_fmt)
        frame.pts, frame.time_base = at, US
        encoded += coder.encode(frame)
    encoded += coder.encode(None)
    info = StreamInfo(camera, codec, WIDTH, HEIGHT, coder.extradata or b"", coder.pix_fmt, Fraction(fps), epoch)
    return tuple(_packet(info, first + n, packet, start_pts_ns) for n, packet in enumerate(encoded))


def _packet(info: StreamInfo, seq: int, packet: av.Packet, start_pts_ns: int) -> Packet:
    pts_ns = start_pts_ns + packet.pts * 1000
    wall_ns = START_WALL_NS + pts_ns - START_PTS_NS
    assert info.rate is not None
    duration_ns = (packet.duration or 0) * 1000 or int(1e9 / info.rate)
    return Packet(info, seq, pts_ns, start_pts_ns + packet.dts * 1000, duration_ns, packet.is_keyframe, bytes(packet), pts_ns, wall_ns)


def decoded(video: Path | str | BinaryIO) -> list[tuple[int, int]]:
    """(number drawn, time in the file in microseconds) of every picture that can be decoded."""
    found = []
    with av.open(str(video) if isinstance(video, Path) else video) as container:
        try:
            for frame in container.decode(video=0):
                assert frame.pts is not None and frame.time_base is not None
                found.append((number_in(frame), round(frame.pts * frame.time_base * 1_000_000)))
        except av.error.InvalidDataError:
            pass  # the torn end of a file that was cut
    return found


def event_id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


def event(life: str, name: str, start_pts_ns: int, pts_ns: int, camera: str = "left", **more: object) -> Event:
    def wall(at_ns: int):
        return utc_from_ns(START_WALL_NS + at_ns - START_PTS_NS)

    end = {"end": wall(pts_ns)} if life == "end" and "end" not in more else {}
    return Event(
        id=event_id(name), life=life, kind="object", camera=camera, label="person", confidence=0.8,
        start=wall(start_pts_ns), t=wall(pts_ns), start_pts_ns=start_pts_ns, pts_ns=pts_ns, **end, **more,
    )  # fmt: skip


def at_s(seconds: float) -> int:
    """Media time so many seconds into the footage."""
    return START_PTS_NS + round(seconds * 1e9)


def numbers(pictures: Sequence[tuple[int, int]]) -> list[int]:
    return [number for number, _ in pictures]
