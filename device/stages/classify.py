"""Classify: one word for the whole picture, or for a part of it, by a model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from contracts.errors import BundleError, ConfigError, HardwareError
from device.pipeline.context import Context
from device.pipeline.strict import Strict
from vision.planes import BgrPlanes
from vision.rows import with_rows
from vision.templates import WHOLE, Region
from vision.types import Detections, Planes, Scene, Status

log = logging.getLogger(__name__)


def _known_once(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(labels)) < len(labels):
        raise ValueError("a label is named twice")
    return labels


class Classify:
    """Adds a row with the likeliest label over the region, and that label under `feature`; where none is likely enough, neither.
    A frame that the model failed on has no answer; `max_failures` of them in a row stop the process."""

    frame_only: Literal[True] = True

    class Options(Strict):
        """Which bundle, what it looks at, and how sure it must be."""

        bundle: str = Field(description="name, digest or path of a bundle for the task classify")
        min_confidence: float | None = Field(default=None, ge=0, le=1, description="labels less likely do not count; null: the bundle's")
        region: Region = Field(default=WHOLE, description="what it looks at: left, top, right, bottom in 0..1 of the picture")
        ignore: Annotated[tuple[str, ...], AfterValidator(_known_once)] = Field(
            default=(), description="labels that are no news, e.g. `other`: no row is made of them"
        )
        feature: str = Field(default="scene", min_length=1, max_length=64, description="where other stages find the label")
        max_failures: int = Field(default=20, ge=1, description="frames in a row that the model fails on, which stop the process")

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._tally = options, context.tally
        try:
            self._classifier = context.open_classifier(options.bundle)
        except BundleError as error:
            raise ConfigError(f"classify: {error}") from error
        labels = self._classifier.labels
        stranger = next((label for label in options.ignore if label not in labels), None)
        if stranger is not None:
            raise ConfigError(f"classify: {options.bundle} has no label {stranger!r}; it has {', '.join(labels)}; correct classify.ignore")
        own = self._classifier.class_confidence if options.min_confidence is None else {}
        general = self._classifier.min_confidence if options.min_confidence is None else options.min_confidence
        self._floors = [own.get(label, general) for label in labels]
        self._failures = 0

    @property
    def fingerprint(self) -> Mapping[str, str]:
        return self._classifier.fingerprint

    def __call__(self, scene: Scene) -> Scene:
        planes = scene.frame.planes
        answer = self._classifier.classify(_part(planes, self._options.region))
        if answer.status != "ok":
            return self._no_answer(scene, answer.status)
        self._failures = 0
        best = int(answer.scores.argmax())
        confidence = round(float(answer.scores[best]), 4)
        label = self._classifier.labels[best]
        model = scene.model or self._classifier.digest
        if confidence < self._floors[best] or label in self._options.ignore:
            return replace(scene, model=model)
        x1, y1, x2, y2 = self._options.region
        box = np.array([[x1 * planes.width, y1 * planes.height, x2 * planes.width, y2 * planes.height]], np.float32)
        grown = with_rows(scene, [label], box, np.array([confidence], np.float32))
        return replace(grown, model=model, features={**scene.features, self._options.feature: label})

    def _no_answer(self, scene: Scene, status: Status) -> Scene:
        """No answer is never "nothing there", whatever others saw in this frame."""
        self._failures += 1
        self._tally.count(scene.frame.camera, "no_answer", status)
        if self._failures >= self._options.max_failures:
            raise HardwareError(
                f"classify: model {self._options.bundle} gave no answer to {self._failures} frames in a row; "
                "see the log for the first failure, run `vedette doctor`, or choose another bundle"
            )
        return replace(scene, detections=Detections.none(status), labels=scene.labels)


def _part(planes: Planes, region: tuple[float, float, float, float]) -> Planes:
    """The region as a picture of its own; the whole is not copied."""
    if region == WHOLE:
        return planes
    x1, y1, x2, y2 = region
    left, top = int(x1 * planes.width), int(y1 * planes.height)
    right, bottom = max(left + 1, round(x2 * planes.width)), max(top + 1, round(y2 * planes.height))
    return BgrPlanes(np.ascontiguousarray(planes.bgr()[top:bottom, left:right]))
