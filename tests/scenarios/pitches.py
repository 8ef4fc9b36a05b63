"""Two cameras that see the same throws: rendered films with numbered pictures, and a box that keeps sessions of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import yaml

from tests.device.publish.mosquitto import free_port
from tests.device.record.footage import picture as numbered
from tests.vision.bundles import white_box_bundle

WIDTH, HEIGHT, FPS = 320, 240, 25
THROWS = ((1.6, 2.4), (5.2, 6.0))  # seconds in which the ball flies
SECONDS = 8.0
LANE = {"points": [[0.0, 0.35], [1.0, 0.35], [1.0, 1.0], [0.0, 1.0]], "anchor": "center"}
PLATE = {"points": [[0.8, 0.35], [1.0, 0.35], [1.0, 1.0], [0.8, 1.0]], "anchor": "center"}
PROFILE = {"detection_fps": 50, "pipeline": {"detect": {"use": "detect", "bundle": "white"}, "take": {"use": "take"}}, "record": None}
CORNERS = {"top_left_ft": (-0.7, 3.4), "top_right_ft": (0.7, 3.4), "bottom_left_ft": (-0.7, 1.6), "bottom_right_ft": (0.7, 1.6)}
LENS = {"fx": 300.0, "fy": 300, "cx": 160.0, "cy": 120.0, "distortion_k1": -0.1, "distortion_k2": 0.01}
CALIBRATION: dict[str, dict[str, Any]] = {
    "stereo_geometry.json": {"baseline_ft": 4.0, "convergence_angle_deg": 6.5, "camera_height_ft": 5.0, "distance_to_plate_ft": 40.0},
    "strike_zone_definition.json": {name: [x, 0.0, z] for name, (x, z) in CORNERS.items()},
    "intrinsics_left.json": {"camera_id": "left", **LENS},
    "intrinsics_right.json": {"camera_id": "right", **LENS},
}


def film(path: Path, throws: Sequence[tuple[float, float]] = THROWS, seconds: float = SECONDS, side: int = 1) -> Path:
    """A white ball flies from one side to the other; each picture has its number on top (tests/device/record/footage.py reads it)."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "x264-params": f"keyint={FPS}:scenecut=0:bframes=0"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = WIDTH, HEIGHT, "yuv420p", Fraction(1, FPS)
        for number in range(int(seconds * FPS)):
            image = numbered(number)
            image[64:] = 96
            image[:64] = np.minimum(image[:64], 200)  # no white but the ball's, or the model would take the number for one
            at = number / FPS
            for begin, end in throws:
                if begin <= at < end:
                    part = (at - begin) / (end - begin)
                    x = int(20 + (WIDTH - 60) * (part if side > 0 else 1 - part))
                    image[140:164, x : x + 24] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def pitch_box(folder: Path, films: dict[str, Path], *, calibrate: bool = True, **recording: Any) -> Path:
    """device.yaml of a box with these films as its cameras, played at their own speed."""
    if not (folder / "models" / "white").exists():
        white_box_bundle(folder / "models" / "white", name="white", labels=["ball"], min_confidence=0.9)
    (folder / "pitch.yaml").write_text(yaml.safe_dump(PROFILE, sort_keys=False))
    data = folder / "data"
    if calibrate:
        (data / "calibration").mkdir(parents=True, exist_ok=True)
        for name, content in CALIBRATION.items():
            (data / "calibration" / name).write_text(json.dumps(content))
    zones = {"lane": LANE, "plate": PLATE}
    settings = {
        "device_id": "box-01",
        "data": str(data),
        "profile": str(folder / "pitch.yaml"),
        "model": {"folders": [str(folder / "models")], "workers": 2},
        "cameras": {name: {"use": "file", "path": str(path), "pace": "realtime", "zones": zones} for name, path in films.items()},
        "recording": {
            "calibrated": "stereo", "save_observations": True, "save_training_frames": True, "frame_budget_percent": None, "reserve_mb": 0,
            **recording,
        },
        "page": {"port": free_port()},
        "health": {"interval_s": 0.5},
    }  # fmt: skip
    path = folder / "device.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def takes_in(data: Path) -> list[Path]:
    """Folders of takes that are whole."""
    return sorted(path.parent for path in data.glob("recordings/session-*/session-*/manifest.json"))
