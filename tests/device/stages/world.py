"""A rendered world for stage tests: a clock that is set by hand, frames, boxes that move along known paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.event import Event, snapshot_path
from device.clock import ClockState
from device.pipeline.context import CameraContext, Context, Detector
from device.pipeline.protocols import EndOfStream
from device.pipeline.tally import Tally
from device.pipeline.zone import Zone
from vision.types import Detections, Frame, Image, Scene, Status

WIDTH, HEIGHT = 640, 360
WALL_NS = 1_790_000_000_000_000_000
MS = 1_000_000
S = 1_000_000_000


class HandClock:
    """Time goes on when it is told to."""

    def __init__(self, mono_ns: int = 0) -> None:
        self.now_ns = mono_ns

    def mono_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return WALL_NS + self.now_ns

    def state(self) -> ClockState:
        return "ntp"


class NoTime:
    """A clock that must not be asked: stages live in the frames' time."""

    def mono_ns(self) -> int:
        raise AssertionError("a stage asked for the time")

    wall_ns = mono_ns

    def state(self) -> ClockState:
        raise AssertionError("a stage asked for the time")


@dataclass(frozen=True)
class Blank:
    """A picture nobody looks at."""

    width: int = WIDTH
    height: int = HEIGHT

    def luma(self, max_width: int) -> Image:
        return np.zeros((self.height, self.width), np.uint8)

    def rgb(self, width: int, height: int) -> Image:
        return np.zeros((height, width, 3), np.uint8)

    def bgr(self) -> Image:
        return self.rgb(self.width, self.height)


@dataclass(frozen=True)
class Grey:
    """A grey picture, subsampled as decoders do."""

    picture: Image

    @property
    def width(self) -> int:
        return self.picture.shape[1]

    @property
    def height(self) -> int:
        return self.picture.shape[0]

    def luma(self, max_width: int) -> Image:
        step = -(-self.width // max_width)
        return self.picture[::step, ::step]

    def rgb(self, width: int, height: int) -> Image:
        raise AssertionError("the gate needs no colour")

    def bgr(self) -> Image:
        raise AssertionError("the gate needs no colour")


def context(
    zones: Mapping[str, Mapping[str, Zone]] | None = None,
    fps: float = 5.0,
    cameras: Sequence[str] = ("left", "right"),
    *,
    detector: Callable[[str, float | None], Detector] | None = None,
    clock: Any = None,
    workers: int = 1,
) -> Context:
    about = {name: CameraContext(lambda name=name: f"film of {name}", (zones or {}).get(name, {}), fps) for name in cameras}
    opened = detector or (lambda bundle, least: (_ for _ in ()).throw(AssertionError("no model here")))
    return Context(clock or NoTime(), Tally(), "box-1", about, opened, workers, snapshot_path)


def frame(pts_ns: int, seq: int = 0, camera: str = "left", planes: Any = None) -> Frame:
    return Frame(camera, seq, pts_ns, pts_ns, WALL_NS + pts_ns, planes or Blank())


def end(pts_ns: int, camera: str = "left", reason: str = "end of file") -> EndOfStream:
    return EndOfStream(camera, pts_ns, pts_ns, WALL_NS + pts_ns, reason)


def boxes(*rows: Sequence[float], status: Status = "ok", **data: NDArray[Any]) -> Detections:
    """Each row x1, y1, x2, y2, confidence, class."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int32), data, status)


def scene(pts_ns: int, found: Detections, seq: int = 0, camera: str = "left") -> Scene:
    return Scene(frame(pts_ns, seq, camera), found, labels=("person", "car"), model="sha256:" + "0" * 64)


Path = Callable[[float], tuple[float, float, float, float]]


def line(x: float, y: float, vx: float, vy: float = 0.0, *, w: float = 30.0, h: float = 80.0) -> Path:
    """A box whose foot starts at (x, y) and goes on at (vx, vy) pixels a second."""
    return lambda t: (x + vx * t - w / 2, y + vy * t - h, x + vx * t + w / 2, y + vy * t)


@dataclass(frozen=True)
class Walker:
    """Somebody who crosses the picture: there from `begin` to `end`, seconds; `at(t)` gives the box."""

    at: Path
    begin: float = 0.0
    end: float = 1e9
    label: int = 0
    confidence: float = 0.9


@dataclass
class Film:
    """Walkers, sampled. `truth` holds for each scene the walker of each box; jitter and misses are of a fixed seed."""

    walkers: Sequence[Walker]
    jitter_px: float = 0.0
    miss: float = 0.0
    seed: int = 0
    truth: list[list[int]] = field(default_factory=list)

    def scenes(self, times_s: Sequence[float], camera: str = "left") -> Iterator[Scene]:
        rng = np.random.default_rng(self.seed)
        for seq, t in enumerate(times_s):
            rows, who = [], []
            for number, walker in enumerate(self.walkers):
                if not walker.begin <= t <= walker.end or rng.random() < self.miss:
                    continue
                box = np.array(walker.at(t)) + rng.normal(0, self.jitter_px, 4)
                if box[2] > 1 and box[0] < WIDTH - 1:
                    rows.append((*box, walker.confidence, walker.label))
                    who.append(number)
            self.truth.append(who)
            yield scene(round(t * S), boxes(*rows), seq, camera)


def every(fps: float, seconds: float) -> list[float]:
    return [n / fps for n in range(int(seconds * fps))]


def run(stages: Sequence[Any], scenes: Iterable[Scene], last: EndOfStream | None = None) -> tuple[list[Scene], list[Event]]:
    """Through the stages as the pipeline does it, to the last words."""
    out, events = [], []
    for each in scenes:
        for stage in stages:
            each = stage(each)
        out.append(each)
        events += each.events
    if last:
        events += [event for stage in stages if hasattr(stage, "finish") for event in stage.finish(last)]
    return out, events


