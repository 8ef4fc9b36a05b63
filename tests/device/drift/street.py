"""A clock set by hand, scenes that were looked at, and a gathering in a folder; for the tests of drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contracts.drift import DriftHour
from device.drift.gathering import Gathering
from device.drift.options import DriftOptions
from device.pipeline.tally import Tally
from tests.clocks import T0_NS, HandClock, S
from vision.planes import BgrPlanes
from vision.types import Detections, Frame, Scene, Status

HOUR = 3600 * S
NOON = T0_NS
MODEL = "sha256:" + "a" * 64
LABELS = ("person", "car")
Box = tuple[float, float, float, float, float, int]  # xyxy, confidence, class
STREET = np.random.default_rng(1).integers(90, 140, (72, 128, 3), np.uint8)


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
            self.clock.advance(every_s)
            if number % 10 == 9:
                self.gathering.step()
        self.gathering.step()
