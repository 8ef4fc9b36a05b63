"""Inventory: what this box is and what runs on it, for up/info, the log's header and the commands."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from contracts.canonical import canonical
from contracts.dsse import PublicKey
from contracts.eventlog import LogHeader
from contracts.status import CameraInfo, Info
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.config import Loaded
from device.pipeline.protocols import Fingerprinted, FrameOnly, Stage, WideStage
from device.scrub import HIDDEN, scrub

LIBRARIES = ("vedette", "onnxruntime", "opencv-python-headless", "numpy", "av", "paho-mqtt", "pydantic")
BOARD = Path("/proc/device-tree/model")  # a Jetson says here what it is


def model_digest(stages: Mapping[str, Stage | WideStage]) -> str | None:
    """What looks, as sha256:<hex>: the digest of the bundle; without one, that of what the stages that look depend on."""
    if detector := _detector(stages):
        return getattr(detector, "digest", None)
    looking = {name: known for name, known in stage_fingerprints(stages).items() if isinstance(stages[name], FrameOnly)}
    return f"sha256:{sha256(canonical(looking)).hexdigest()}" if looking else None


def engine_fingerprint(stages: Mapping[str, Stage | WideStage]) -> str:
    """All that decides the last digit of an answer, as canonical JSON."""
    engine = getattr(_detector(stages), "engine", None)
    return json.dumps(dict(engine.fingerprint), sort_keys=True) if engine else ""


def stage_fingerprints(stages: Mapping[str, Stage | WideStage]) -> dict[str, dict[str, str]]:
    """What each stage's answers depend on beside options and software; stages that depend on nothing more are left out."""
    found = {name: _stage_fingerprint(stage) for name, stage in stages.items()}
    return {name: known for name, known in found.items() if known}


def _stage_fingerprint(stage: object) -> dict[str, str]:
    """Its own words, and those of the detector it has."""
    detector = getattr(stage, "detector", None)
    engine = getattr(detector, "engine", None)
    digest = getattr(detector, "digest", None)
    known = {"model": str(digest)} if digest else {}
    own = stage.fingerprint if isinstance(stage, Fingerprinted) else {}
    return {**known, **(engine.fingerprint if engine else {}), **own}


def _detector(stages: Mapping[str, Stage | WideStage]) -> object:
    """The first one that a stage has."""
    return next((found for stage in stages.values() if (found := getattr(stage, "detector", None)) is not None), None)


def header(loaded: Loaded, stages: Mapping[str, Stage | WideStage], clock: Clock, source: str, **known: Any) -> LogHeader:
    """The first line of an event log; `known`: what is known of a recording."""
    return LogHeader(
        device=loaded.settings.device_id,
        profile=loaded.settings.profile,
        model=model_digest(stages),
        engine=engine_fingerprint(stages),
        stages=stage_fingerprints(stages),
        config_hash=loaded.digest(),
        source=source,
        software=version("vedette"),
        processed_at=utc_from_ns(clock.wall_ns()),
        **known,
    )


def info(loaded: Loaded, stages: Mapping[str, Stage | WideStage], key: PublicKey | None = None) -> Info:
    cameras = loaded.settings.cameras.items()
    return Info(
        software=version("vedette"),
        profile=loaded.settings.profile,
        config_hash=loaded.digest(),
        cameras={name: CameraInfo(use=camera.use, address=address(camera.model_extra or {})) for name, camera in cameras},
        hardware={"machine": platform.machine(), "board": board(), "cores": os.cpu_count() or 0, "memory_bytes": memory_bytes()},
        backends=backends(),
        versions=versions(),
        model=model_digest(stages),
        key=key,
    )


def address(options: Mapping[str, object]) -> str:
    """Where a camera's pictures come from, without the user of a URL."""
    given = next((str(options[key]) for key in ("url", "device", "path", "pipeline") if options.get(key)), "")
    return scrub(given).replace(f"{HIDDEN}@", "")


def board() -> str:
    try:
        return BOARD.read_text().strip("\0\n ")
    except OSError:
        return platform.node()


def memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def backends() -> list[str]:
    """Engines that could be loaded here; TensorRT needs JetPack's module and pycuda."""
    found = ["onnx"] if find_spec("onnxruntime") else []
    return [*found, "tensorrt"] if find_spec("tensorrt") and find_spec("pycuda") else found


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "linux": platform.release()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
