"""Context: what a stage may need of the appliance, handed to every stage beside its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from device.clock import Clock
from device.pipeline.line import Line
from device.pipeline.taking import TakeRules
from device.pipeline.tally import Tally
from device.pipeline.zone import Zone
from vision.types import Detections, Planes


class Detector(Protocol):
    """A model ready to look at pictures; `detect` is called by several threads at once."""

    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def digest(self) -> str: ...
    def detect(self, planes: Planes) -> Detections: ...


@dataclass(frozen=True, slots=True)
class CameraContext:
    """What stages know of one camera. `identity` is what event ids are made of when asked: a live camera's may change."""

    identity: Callable[[], str]
    zones: Mapping[str, Zone] = field(default_factory=dict)
    detection_fps: float = 10.0
    lines: Mapping[str, Line] = field(default_factory=dict)


def no_snapshot(_event: UUID, _start: datetime) -> str | None:
    """Where no picture is kept, none is promised."""
    return None


@dataclass(frozen=True, slots=True)
class Context:
    clock: Clock
    tally: Tally
    device_id: str
    cameras: Mapping[str, CameraContext]
    open_detector: Callable[[str, float | None], Detector]  # bundle, least confidence (None: its own); shared by `workers` threads
    workers: int = 1  # threads that call a detector: as many as cores (throughput) or 1 (latency)
    snapshot: Callable[[UUID, datetime], str | None] = no_snapshot  # the path an event's picture will have
    taking: TakeRules | None = None  # what a take is; None: no takes are recorded
    folders: tuple[Path, ...] = ()  # where files that a stage's options name are looked for: beside the profile, beside device.yaml
