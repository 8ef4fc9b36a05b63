"""The box whose power is cut: the whole appliance with everything on, two fast cameras and no model, for what is seen is known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from device.clock import Clock
from device.pipeline.packets import Packet
from device.pipeline.strict import Strict
from tests.device.record.footage import footage
from vision.types import Detections, Scene

CAMERAS = ("left", "right")
PICTURES = 200
VISIT, ROUND = 30, 50  # something is seen in the last so many pictures of each round
S = 1_000_000_000
BUDGETS = {"clips": "300 kB", "sessions": "700 kB", "pictures": "200 kB", "exports": "600 kB"}


def film() -> tuple[Packet, ...]:
    """Encoded once, before any box is forked; real H.264, a key frame each 25 pictures."""
    return footage(frames=PICTURES)


class Tape:
    """A live camera that plays its pictures at their own speed for ever; `told` hears of each that was handed over."""

    live = True
    told: Any = staticmethod(lambda _packet: None)

    class Options(Strict):
        fps: int = 25
        silent: bool = False  # only there: for a start whose work is to recover

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera, self._options, self._clock = camera, options, clock
        self.identity = f"{camera}-{clock.wall_ns()}"
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        self._closed.clear()
        if self._options.silent:
            self._closed.wait()
            return
        packets, step_ns = film(), S // self._options.fps
        stream = replace(packets[0].stream, camera=self.camera, rate=Fraction(self._options.fps))
        began, wall = self._clock.mono_ns(), self._clock.wall_ns()
        number = 0
        while not self._closed.wait(max(0.0, (began + number * step_ns - self._clock.mono_ns()) / 1e9)):
            packet, at_ns = packets[number % len(packets)], number * step_ns
            times = {"pts_ns": at_ns, "dts_ns": at_ns, "mono_ns": began + at_ns, "wall_ns": wall + at_ns}
            packet = replace(packet, stream=stream, seq=number, duration_ns=step_ns, **times)
            yield packet
            self.told(packet)
            number += 1

    def close(self) -> None:
        self._closed.set()


class Sees:
    """Something crosses the picture in the last part of each round, as a detector and a tracker would say it."""

    class Options(Strict):
        pass

    def __init__(self, options: Options, context: Any) -> None:
        pass

    def __call__(self, scene: Scene) -> Scene:
        turn, at = divmod(scene.frame.seq, ROUND)
        count = int(at >= ROUND - VISIT)
        x = 20.0 + at * 5
        boxes = np.array([[x, 130, x + 40, 170]], np.float32)[:count]
        found = Detections(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int32), {"track": np.full(count, turn, np.int64)})
        return replace(scene, detections=found, labels=("ball",), model="sha256:" + "2" * 64)


def device_yaml(path: Path, data: Path, *, fps: int = 25, silent: bool = False) -> Path:
    """Everything on, budgets so small that the janitor always has something to remove; a broker that never answers."""
    camera = {"use": "tests.hostile.power_box:Tape", "fps": fps, "silent": silent, "detection_fps": 20}
    (path.parent / "power.yaml").write_text(
        yaml.safe_dump(
            {
                "pipeline": {
                    "sees": {"use": "tests.hostile.power_box:Sees"},
                    "confirm": {"use": "confirm", "sightings": 2, "max_gap_ms": 150, "update_interval_ms": 100},
                    "take": {"use": "take"},
                }
            },
            sort_keys=False,
        )
    )
    settings: dict[str, Any] = {
        "device_id": "box-01",
        "profile": str(path.parent / "power.yaml"),
        "data": str(data),
        "cameras": dict.fromkeys(CAMERAS, camera),
        "record": {
            "pre_roll_ms": 200, "post_roll_ms": 100, "segment_s": 2, "reserve_mb": 1,
            "when": {"events": {"kinds": ["object"]}}, "cameras": {"left": {"continuous": True}},
        },
        "recording": {
            "lane_gate": None, "plate_gate": None, "pre_roll_ms": 100, "post_roll_ms": 100, "session_min_active_frames": 2,
            "session_end_gap_frames": 2, "session_idle_min": 0.001, "save_training_frames": True, "save_observations": True,
            "frame_save_interval": 20, "reserve_mb": 1,
        },
        "export": {"enabled": True, "batch_size": 3, "commit_s": 0.3, "events": ["first", "best"], "every_s": 0.2, "max_share": None},
        "storage": {
            "ballast_mb": 1, "look_s": 0.1, "round_s": 0.2, "free_low": "5 MB", "free_high": "6 MB",
            **{shelf: {"budget": None if silent else most} for shelf, most in BUDGETS.items()},
        },
        "mqtt": {"host": "127.0.0.1", "port": 9},
        "health": {"interval_s": 0.5},
        "page": None,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path
