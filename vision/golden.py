"""Golden answers: a bundle carries pictures and the boxes expected on them, so that a wrong engine never serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.bundle import Bundle, Golden
from contracts.errors import BundleError, HardwareError
from vision.boxes import overlap
from vision.bundle import StoredBundle
from vision.engines.engine import Engine
from vision.planes import read_picture
from vision.types import Detections, Planes


class Detector(Protocol):
    """What finds boxes and says why it did not."""

    reason: str

    @property
    def engine(self) -> Engine: ...
    def detect(self, planes: Planes) -> Detections: ...


@dataclass(frozen=True, slots=True)
class GoldenReport:
    """How near the answers came over all pictures."""

    pictures: int
    boxes: int
    largest_difference: float  # in confidence
    least_iou: float


def check_golden(detector: Detector, bundle: StoredBundle) -> GoldenReport:
    """BundleError when a picture's answer differs by more than the bundle tolerates on this engine.

    Every box expected has one of its class and place, and none is there besides; a box whose confidence lies within
    the tolerance of its class's floor may come or go. The detector must have been opened with the bundle's own floors.
    """
    manifest = bundle.manifest
    engine = detector.engine.name
    tolerance = manifest.golden_tolerance.get(engine)
    if tolerance is None:
        known = ", ".join(manifest.golden_tolerance) or "none"
        raise BundleError(f"bundle {bundle.path}: states no golden_tolerance for engine {engine}, only for {known}; add one")
    reports = [_check(detector, bundle, golden, tolerance) for golden in manifest.golden]
    return GoldenReport(
        len(reports),
        sum(report.boxes for report in reports),
        max((report.largest_difference for report in reports), default=0.0),
        min((report.least_iou for report in reports), default=1.0),
    )


def golden_answer(detector: Detector, picture: bytes, image: str) -> Golden:
    """What this detector says of a picture, as the expectation to put in the bundle under that path."""
    found = _answer(detector, picture, image)
    boxes = [
        (*(round(float(side), 2) for side in xyxy), round(float(confidence), 4), int(class_id))
        for xyxy, confidence, class_id in zip(found.xyxy, found.confidence, found.class_id, strict=True)
    ]
    return Golden.model_validate({"image": image, "boxes": boxes})


def _answer(detector: Detector, picture: bytes, image: str) -> Detections:
    try:
        planes = read_picture(picture, image)
    except HardwareError as error:
        raise BundleError(f"golden {error}") from error
    found = detector.detect(planes)
    if found.status != "ok":
        raise BundleError(f"golden {image}: no answer on {detector.engine.name}: {detector.reason}")
    return found


def _check(detector: Detector, bundle: StoredBundle, golden: Golden, tolerance: float) -> GoldenReport:
    found = _answer(detector, bundle.read(golden.image), golden.image)
    iou = overlap(np.array([box[:4] for box in golden.boxes], np.float64).reshape(-1, 4), found.xyxy)
    pairs = _pairs(golden, found, iou, bundle.manifest.golden_iou)
    differences = {number: abs(float(found.confidence[row]) - golden.boxes[number][4]) for number, row in pairs.items()}
    flaw = _flaw(bundle.manifest, golden, found, pairs=pairs, differences=differences, tolerance=tolerance)
    if flaw:
        raise BundleError(f"bundle {bundle.path}: golden {golden.image} on {detector.engine.name}: {flaw}; keep the old model")
    least = min((float(iou[number, row]) for number, row in pairs.items()), default=1.0)
    return GoldenReport(1, len(golden.boxes), max(differences.values(), default=0.0), least)


def _pairs(golden: Golden, found: Detections, iou: NDArray[np.float64], least: float) -> dict[int, int]:
    """The number of each box expected and the row of the one found for it: of its class, overlapping it most, and enough."""
    pairs: dict[int, int] = {}
    for number, box in enumerate(golden.boxes):
        free = [row for row in range(len(found)) if row not in pairs.values() and found.class_id[row] == box[5]]
        row = max(free, key=lambda row: float(iou[number, row]), default=-1)
        if row >= 0 and iou[number, row] >= least:
            pairs[number] = row
    return pairs


def _flaw(
    manifest: Bundle, golden: Golden, found: Detections, *, pairs: Mapping[int, int], differences: Mapping[int, float], tolerance: float
) -> str:
    """What is wrong with an answer, or nothing."""
    floors = [manifest.class_confidence.get(label, manifest.min_confidence) for label in manifest.labels]
    for number, (x1, y1, x2, y2, confidence, class_id) in enumerate(golden.boxes):
        what = f"{manifest.labels[class_id]} at ({x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f})"
        if number in pairs and differences[number] > tolerance:
            return f"{what} has {found.confidence[pairs[number]]:.3f}, expected {confidence:.3f} within {tolerance:g}"
        if number not in pairs and confidence >= floors[class_id] + tolerance:
            return f"{what} with {confidence:.3f} was not found"
    for row in set(range(len(found))) - set(pairs.values()):
        if found.confidence[row] >= floors[found.class_id[row]] + tolerance:
            where = found.xyxy[row].round().astype(int).tolist()
            return f"{manifest.labels[found.class_id[row]]} at {where} with {found.confidence[row]:.3f} is not expected"
    return ""
