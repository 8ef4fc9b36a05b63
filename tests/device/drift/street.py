"""A clock set by hand, scenes that were looked at, and a gathering in a folder; for the tests of drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contracts.drift import DriftHour
from device.clock import ClockState
from device.drift.gathering import Gathering
from device.drift.options import DriftOptions
from device.pipeline.tally import Tally
from vision.planes import BgrPlanes
from vision.types import Detections, Frame, Scene, Status

S = 1_000_000_000
HOUR = 3600 * S
NOON = 1_790_000_000 // 3600 * HOUR  # some full hour of 2026
MODEL = "sha256:" + "a" * 64
LABELS = ("person", "car")
Box = tuple[float, float, float, float, float, int]  # xyxy, confidence, class
STREET = np.random.default_rng(1).integers(90, 140, (72, 128, 3), np.uint8)


@dataclass
class HandClock:
    """Stands still until a test moves it."""

    wall: int = NOON
    mono: int = 1000 * S
    said: ClockState = "ntp"

    def mono_ns(self) -> int:
        return self.mono

    def wall_ns(self) -> int:
        return self.wall

    def state(self) -> ClockState:
        return self.said

    def pass_s(self, seconds: float) -> None:
        self.wall += int(seconds * S)
        self.mono += int(seconds * S)


def found(boxes: Sequence[Box], status: Status = "ok") -> Detections:
    rows = np.array([box[:4] for box in boxes], np.float32).reshape(-1, 4)
    confidence, ids = np.array([box[4] for box in boxes], np.float32), np.array([box[5] for box in boxes], np.int32)
    return Detections(rows, confidence, ids, {}, status)


def scene(clock: HandClock, boxes: Sequence[Box] = (), camera: str = "yard", status: Status = "ok", **more: Any) -> Scene:
    image = more.pop("image", STREET)
    frame = Frame(camera, more.pop("seq", 1), clock.mono, clock.mono, clock.wall, BgrPlanes(image))
    return Scene(frame, found(boxes, status), **{"labels": LABELS, "model": MODEL, **more})


@dataclass
class Rig:
    """One that is stepped by hand; `told` is what it would send."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    boot: str = "boot-1"
    tally: Tally = field(default_factory=Tally)
    told: list[DriftHour] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        options = DriftOptions(picture_every_s=5)
        self.gathering = Gathering(self.folder / "drift.sqlite", options, self.clock, self.tally, self.boot, self.told.append)

    def stop(self) -> None:
        self.gathering.close()
        self.gathering.run(lambda: None)

    def see(self, frames: int, boxes: Sequence[Box] = ((10, 10, 42, 42, 0.83, 0),), every_s: float = 1.0, **more: Any) -> None:
        """So many frames, with a step after every tenth."""
        for number in range(frames):
            self.gathering.looks.put(scene(self.clock, boxes, **more))
            self.clock.pass_s(every_s)
            if number % 10 == 9:
                self.gathering.step()
        self.gathering.step()
