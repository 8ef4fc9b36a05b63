"""Configurations for benches: the street profile's stages with a bundle of the bench, in a folder that is thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from device.config import Loaded, load

EVERY_PICTURE = 120  # samples a second at most: more than any video here has


def write_config(folder: Path, bundle: Path, *, gate: bool, detection_fps: float, **more: Any) -> Path:
    """device.yaml and its profile."""
    stages: dict[str, Any] = {"motion": {"use": "motion_gate"}} if gate else {}
    stages["detect"] = {"use": "detect", "bundle": str(bundle)}
    stages |= {name: {"use": name} for name in ("track", "smooth", "zones", "confirm")}
    for name, options in more.pop("stages", {}).items():
        stages[name] |= options
    profile = folder / "bench.yaml"
    profile.write_text(yaml.safe_dump({"detection_fps": detection_fps, "pipeline": stages}, sort_keys=False))
    path = folder / "device.yaml"
    settings = {"device_id": "bench", "profile": str(profile), "data": str(folder / "data"), **more}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def loaded(folder: Path, bundle: Path) -> Loaded:
    """Every picture through every stage, no gate: the whole way of a file."""
    folder.mkdir(parents=True, exist_ok=True)
    return load(write_config(folder, bundle, gate=False, detection_fps=EVERY_PICTURE))
