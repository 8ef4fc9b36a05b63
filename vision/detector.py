"""Detector: engine and head of a bundle behind one call, a picture in, boxes in its pixels out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.bundle import Bundle
from contracts.errors import BundleError, ConfigError, HardwareError
from vision.bundle import StoredBundle, read_bundle
from vision.engines.engine import Engine
from vision.engines.opening import open_engine
from vision.heads.head import Head, open_head
from vision.letterbox import Fit
from vision.planes import BgrPlanes
from vision.prepare import Prepare
from vision.types import Detections, Planes

log = logging.getLogger(__name__)


class Detector:
    """Threads may share one. No answer is a status, never an empty scene; `reason` says why the last one failed."""

    def __init__(self, bundle: StoredBundle, engine: Engine, head: Head, prepare: Prepare) -> None:
        manifest = bundle.manifest
        self.name, self.version, self.digest = manifest.name, manifest.version, bundle.digest
        self.labels = tuple(manifest.labels)
        self.engine = engine
        self.reason = ""
        self.failures = 0
        self._head, self._prepare = head, prepare
        self._lock = threading.Lock()

    def detect(self, planes: Planes) -> Detections:
        """Boxes in pixels of the picture, cut at its edges, best first; of each class those at or above its floor."""
        try:
            tensor, fit = self._prepare(planes)
            found = self._head(self.engine.run(tensor), (fit.height, fit.width))
        except TimeoutError as error:
            return self._no_answer(Detections.none("timeout"), error)
        except (HardwareError, BundleError) as error:
            return self._no_answer(Detections.none("error"), error)
        return _in_picture(found, fit)

    def input_shape(self, width: int, height: int) -> tuple[int, int]:
        """Height and width of the network's input for a picture of that size."""
        return self._prepare.shape(width, height)

    def close(self) -> None:
        self.engine.close()

    def _no_answer(self, answer: Detections, error: Exception) -> Detections:
        with self._lock:
            self.reason = str(error)
            self.failures += 1
            first = self.failures == 1
        if first:  # a model that fails on every frame is counted, not logged thirty times a second
            log.error("detector gave no answer", extra={"model": self.digest, "error": str(error)})
        return answer


def open_detector(
    bundle: Path | str | StoredBundle,
    engine: str = "onnx",
    threads: int = 1,
    *,
    options: Mapping[str, Any] | None = None,
    min_confidence: float | None = None,
    class_confidence: Mapping[str, float] | None = None,
    wanted: Collection[str] | None = None,
    size: tuple[int, int] | None = None,
    work: Path | None = None,
) -> Detector:
    """Verify, load and try the bundle once, so that a model of another layout is refused here.

    threads: of one run; 1 when several frames are in flight, 0 for all (onnx). options: the engine's other ones.
    min_confidence and class_confidence override the bundle's; wanted: labels to look for, None for all.
    size: another input height and width, where the bundle allows it. work: the folder engines compile into.
    """
    stored = bundle if isinstance(bundle, StoredBundle) else read_bundle(bundle)
    manifest = stored.manifest
    if manifest.task != "detect":
        raise BundleError(f"bundle {stored.path}: is for {manifest.task}, not for detect; name one that finds boxes")
    floors = confidence_floors(manifest, min_confidence, class_confidence or {}, wanted)
    prepare = Prepare(manifest.input, size)
    head = open_head(manifest.head, floors, manifest.iou)
    loaded = open_engine(stored, engine, threads, options, work)
    detector = Detector(stored, loaded, head, prepare)
    try:
        _try(detector, stored)
    except BaseException:
        detector.close()
        raise
    return detector


def confidence_floors(
    manifest: Bundle, min_confidence: float | None, class_confidence: Mapping[str, float], wanted: Collection[str] | None
) -> NDArray[np.float32]:
    """The least confidence of each class; infinite for one that is not wanted."""
    strangers = sorted(({*class_confidence} | {*(wanted or ())}) - {*manifest.labels})
    if strangers:
        labels = ", ".join(manifest.labels)
        raise ConfigError(f"bundle {manifest.name}: has no class {strangers[0]}; correct the name, its labels are {labels}")
    general = manifest.min_confidence if min_confidence is None else min_confidence
    # what the owner says for all classes goes before what the bundle says for one, and what the owner says for one before that
    own = manifest.class_confidence if min_confidence is None else {}
    floors = dict.fromkeys(manifest.labels, general) | own | dict(class_confidence)
    return np.array([floors[label] if wanted is None or label in wanted else np.inf for label in manifest.labels], np.float32)


def _try(detector: Detector, stored: StoredBundle) -> None:
    """One run on a grey picture: the engine's first run is its slowest, and a wrong head or input shows now."""
    spec = stored.manifest.input
    declared = detector.engine.inputs[0].name
    if declared != spec.name:
        raise BundleError(f"bundle {stored.path}: the model's input is named {declared}, not {spec.name}; correct input.name")
    height, width = spec.size
    answer = detector.detect(BgrPlanes(np.full((height, width, 3), spec.pad, np.uint8)))
    if answer.status != "ok":
        raise BundleError(f"bundle {stored.path}: gives no answer on {detector.engine.name}: {detector.reason}")


def _in_picture(found: Detections, fit: Fit) -> Detections:
    """A box that lay wholly in the bars beside the picture has no side left and goes."""
    xyxy = fit.clip(fit.back(found.xyxy))
    seen = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return Detections(xyxy[seen], found.confidence[seen], found.class_id[seen])
