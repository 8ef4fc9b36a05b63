"""Context: what a stage may need of the appliance, handed to every stage beside its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from contracts.errors import BundleError
from device.clock import Clock
from device.pipeline.line import Line
from device.pipeline.taking import TakeRules
from device.pipeline.tally import Tally
from device.pipeline.zone import Zone
from vision.classify import Classified
from vision.text.charset import Allowed
from vision.text.reader import TextLine
from vision.types import Detections, Image, Planes


class Detector(Protocol):
    """A model ready to look at pictures; `detect` is called by several threads at once."""

    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def digest(self) -> str: ...
    def detect(self, planes: Planes) -> Detections: ...


class Reader(Protocol):
    """Models ready to read text. The same BGR picture always gives the same lines."""

    @property
    def fingerprint(self) -> Mapping[str, str]: ...
    def allowed(self, language: str | None, characters: str | None) -> Allowed | None:
        """What may be read; ConfigError for what the model does not know."""
        ...

    def line(self, picture: Image, allowed: Allowed | None = None) -> TextLine: ...
    def lines(self, picture: Image, allowed: Allowed | None = None, min_confidence: float = 0.5) -> tuple[TextLine, ...]: ...


class Classifier(Protocol):
    """A model that has one word for a picture. The same picture always gives the same scores."""

    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def digest(self) -> str: ...
    @property
    def min_confidence(self) -> float: ...
    @property
    def class_confidence(self) -> Mapping[str, float]: ...
    @property
    def fingerprint(self) -> Mapping[str, str]: ...
    def classify(self, planes: Planes) -> Classified: ...


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


def no_reader(bundle: str, _finder: str | None) -> Reader:
    """Where no models are."""
    raise BundleError(f"bundle {bundle}: text cannot be read here; open the stage with a context that has models")


def no_classifier(bundle: str) -> Classifier:
    """Where no models are."""
    raise BundleError(f"bundle {bundle}: pictures cannot be classified here; open the stage with a context that has models")


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
    open_reader: Callable[[str, str | None], Reader] = no_reader  # the bundle that reads a line; the one that finds lines, or None
    open_classifier: Callable[[str], Classifier] = no_classifier  # by the bundle's name
