"""What the capture tests share: films made on the spot, a clock that is set, a gate that sees differences, inboxes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from device.capture.scene import burn_in, read_number
from device.clock import ClockState, SystemClock
from device.pipeline.board import Board
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.protocols import EndOfStream
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from vision.types import Frame

MS = 1_000_000
SECOND = 1_000_000_000
CLOCK = SystemClock()


@dataclass
class SetClock:
    """Stands still until it is moved."""

    mono: int = 0
    wall: int = 1_800_000_000 * SECOND

    def mono_ns(self) -> int:
        return self.mono

    def wall_ns(self) -> int:
        return self.wall + self.mono

    def state(self) -> ClockState:
        return "ntp"

    def go(self, ns: int) -> None:
        self.mono += ns


def even(count: int, step_ms: int = 40) -> list[int]:
    return [n * step_ms for n in range(count)]


def film(
    path: Path,
    times_ms: list[int],
    *,
    codec: str = "libx264",
    bframes: int = 0,
    gop: int = 25,
    moving: Callable[[int], bool] = lambda _ms: False,
    size: tuple[int, int] = (320, 180),
    metadata: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    container_options: dict[str, str] | None = None,
) -> Path:
    """A film whose pictures carry their number and a box that moves while `moving` says so."""
    with av.open(str(path), "w", options=container_options or {}) as out:
        out.metadata.update(metadata or {})
        stream = out.add_stream(codec, rate=Fraction(1000) if path.suffix == ".mkv" else Fraction(25))
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.time_base = Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000) if path.suffix != ".avi" else Fraction(1, 25)
        stream.codec_context.thread_count = 1
        if codec in {"libx264", "libx265", "mpeg4"}:
            stream.codec_context.gop_size, stream.codec_context.max_b_frames = gop, bframes
        if codec == "libx264":
            stream.options = {"preset": "veryfast", "x264-params": f"scenecut=0:keyint={gop}:min-keyint={gop}:b-adapt=0"}
        for number, at_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(picture(number, at_ms, moving(at_ms), size), "bgr24").reformat(format=pix_fmt)
            base = stream.codec_context.time_base
            frame.pts, frame.time_base = round(at_ms / 1000 / base), base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def picture(number: int, at_ms: int, moving: bool, size: tuple[int, int]) -> np.ndarray:
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    image[size[1] // 2 :] = 150
    if moving:
        x = at_ms // 10 % (size[0] - 60)
        image[size[1] // 2 + 10 : size[1] // 2 + 70, x : x + 60] = 250
    burn_in(image, number)
    return image


def number_in(frame: Frame) -> int | None:
    return read_number(frame.planes.luma(10_000))


@dataclass
class BoxGate:
    """The production protocol; sees whether the lower half (without the number) changed since the last look."""

    hold_ns: int = 600 * MS
    watch_interval_ns: int = 900 * MS
    max_wait_ns: int = 1500 * MS
    seen: list[int] = field(default_factory=list)
    _before: np.ndarray | None = None

    def moved(self, frame: Frame) -> bool:
        self.seen.append(frame.pts_ns)
        luma = frame.planes.luma(320)
        now = luma[luma.shape[0] // 2 :].astype(np.int16)
        before, self._before = self._before, now
        return before is not None and float(np.mean(np.abs(now - before) > 30)) > 0.005


@dataclass
class Collector:
    """An inbox that keeps everything."""

    items: list[Frame | EndOfStream] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    several: threading.Event = field(default_factory=threading.Event)
    enough: int = 1 << 60

    def put(self, item: Frame | EndOfStream, wait: bool = False) -> bool:
        self.items.append(item)
        if isinstance(item, EndOfStream):
            self.ended.set()
        if len(self.items) >= self.enough:
            self.several.set()
        return True

    def frames(self) -> list[Frame]:
        return [item for item in self.items if isinstance(item, Frame)]


@dataclass
class ScriptedSource:
    """A source that plays what it is given: each call of `packets` runs the next script (or the last again)."""

    scripts: list[Callable[[], Iterator[Packet]]]
    camera: str = "left"
    live: bool = True
    identity: str = "scripted"
    opened: int = 0
    closed: int = 0

    def packets(self) -> Iterator[Packet]:
        script = self.scripts[min(self.opened, len(self.scripts) - 1)]
        self.opened += 1
        return script()

    def close(self) -> None:
        self.closed += 1


@dataclass
class LosingSource(ScriptedSource):
    """One that left packets out."""

    lost: Counter[str] = field(default_factory=Counter)


STREAM = StreamInfo("left", "h264", 320, 180)


def packet(seq: int, pts_ms: int, key: bool = False, size: int = 100, stream: StreamInfo = STREAM) -> Packet:
    at = pts_ms * MS
    return Packet(stream, seq, at, at, 40 * MS, key, bytes(size), at, at)


@dataclass
class Rig:
    """One camera's ring, board and tally."""

    ring: PacketRing = field(default_factory=lambda: PacketRing(20))
    board: Board = field(default_factory=Board)
    tally: Tally = field(default_factory=Tally)
