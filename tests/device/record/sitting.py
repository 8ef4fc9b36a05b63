"""A sitting on a bench: two cameras' packets, the real `take` stage and the real workers, in one thread and by a clock of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.export.finisher import Finisher
from device.films import frames_of
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.context import CameraContext, Context
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.pipeline.zone import Zone
from device.record.session import About
from device.record.session_options import SessionOptions
from device.record.takes import Places, Takes
from device.stages.take import Take
from tests.device.record.fakes import HandClock
from tests.device.record.footage import HEIGHT, WIDTH, footage
from tests.device.stages.world import Blank
from tests.scenarios.pitches import CALIBRATION, LANE, PLATE
from vision.types import Detections, Frame, Scene

FPS = 25
CAMERAS = ("left", "right")


class Sitting:
    """`play` feeds both cameras and everything behind them, picture by picture."""

    def __init__(self, data: Path, *, calibrate: bool = True, frames: Any = frames_of, **options: Any) -> None:
        chosen = {"calibrated": "stereo", "save_observations": True, "save_training_frames": True, "frame_budget_percent": None}
        self.options = SessionOptions(**{**chosen, "reserve_mb": 0, **options})
        self.data, self.clock, self.tally, self.board = data, HandClock(), Tally(), Board()
        self.recordings = data / "recordings"
        self.rings = {camera: PacketRing(20.0) for camera in CAMERAS}
        zones = {"lane": Zone(**LANE), "plate": Zone(**PLATE)}  # type: ignore[arg-type]
        if calibrate:
            (data / "calibration").mkdir(parents=True, exist_ok=True)
            for name, content in CALIBRATION.items():
                (data / "calibration" / name).write_text(json.dumps(content))
        about = About(CAMERAS, "left", dict.fromkeys(CAMERAS, zones), "sha256:" + "1" * 64, "box-1", "0.1.0")
        self.folders: list[Path] = []
        self.takes = Takes(
            self.rings, Places(self.recordings, data / "calibration"), self.options, about,
            clock=self.clock, tally=self.tally, board=self.board, on_take=self.folders.append,
        )  # fmt: skip
        self.finisher = Finisher(frames, clock=self.clock, tally=self.tally, board=self.board)
        cameras = {name: CameraContext(lambda name=name: f"film of {name}", zones, FPS) for name in CAMERAS}  # type: ignore[misc]

        def no_model(_bundle: str, _least: float | None) -> Any:
            raise AssertionError("no model here")

        self.stage = Take(Take.Options(), Context(self.clock, self.tally, "box-1", cameras, no_model, taking=self.options.rules()))

    def play(
        self,
        throws: Sequence[tuple[int, int]],
        pictures: int = 150,
        gop: int = 25,
        missing: Callable[[str, int], bool] = lambda _camera, _n: False,
    ) -> Sitting:
        """`throws`: the first and the last picture in which the ball is seen, counted from 0."""
        films = [footage(frames=pictures, gop=gop, camera=camera) for camera in CAMERAS]
        for pair in zip(*films, strict=True):
            for packet in pair:
                if not missing(packet.camera, packet.seq):
                    self.rings[packet.camera].append(packet)
            self.clock.now_ns = pair[0].pts_ns
            for packet in pair:
                if not missing(packet.camera, packet.seq):
                    self.takes.put(self.look(packet, throws))
                self.takes.step()
        return self

    def look(self, packet: Packet, throws: Sequence[tuple[int, int]]) -> Scene:
        found = Detections.none()
        for first, last in throws:
            if first <= packet.seq <= last:
                x = 40.0 + (packet.seq - first) * 5
                box = np.array([[x, 140, x + 20, 160]], np.float32)
                found = Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int32))
        frame = Frame(packet.camera, packet.seq, packet.pts_ns, packet.mono_ns, packet.wall_ns, Blank(WIDTH, HEIGHT))
        return self.stage(Scene(frame, found, labels=("ball",), model="sha256:" + "2" * 64))

    def stop(self) -> Sitting:
        """As the appliance does: the rings end, the takes are closed, their files are made."""
        for ring in self.rings.values():
            ring.close()
        self.takes.close()
        self.takes.run(nothing)
        for folder in self.folders:
            self.finisher.make(folder)
        return self

    @property
    def session(self) -> Path:
        return max(self.recordings.glob("session-*"))
