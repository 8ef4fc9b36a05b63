"""Classifier: engine and head of a bundle for the task `classify` behind one call: a picture in, how likely each label is out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from contracts.errors import BundleError, HardwareError
from vision.bundle import StoredBundle, read_bundle
from vision.engines.engine import Engine
from vision.engines.opening import open_engine
from vision.heads.softmax import Softmax, SoftmaxOptions
from vision.planes import BgrPlanes
from vision.prepare import Prepare
from vision.types import Planes, Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Classified:
    """How likely each label is, in the bundle's order. `status` other than ok means no answer, and no scores."""

    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    status: Status = "ok"


class Classifier:
    """Threads may share one. `reason` says why the last one failed."""

    def __init__(self, bundle: StoredBundle, engine: Engine, head: Softmax, prepare: Prepare) -> None:
        manifest = bundle.manifest
        self.name, self.version, self.digest = manifest.name, manifest.version, bundle.digest
        self.labels = tuple(manifest.labels)
        self.min_confidence = manifest.min_confidence
        self.class_confidence: Mapping[str, float] = manifest.class_confidence
        self.engine = engine
        self.reason = ""
        self.failures = 0
        self._head, self._prepare = head, prepare
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """What decides an answer: the model, and what runs it."""
        engine = " ".join(f"{name}={value}" for name, value in sorted(self.engine.fingerprint.items()))
        return {"classifier": self.digest, "classifier_engine": engine}

    def classify(self, planes: Planes) -> Classified:
        try:
            tensor, _ = self._prepare(planes)
            scores = self._head(self.engine.run(tensor))
        except TimeoutError as error:
            return self._no_answer("timeout", str(error))
        except (HardwareError, BundleError) as error:
            return self._no_answer("error", str(error))
        return self._no_answer("error", "the model gave what is no number") if scores is None else Classified(scores)

    def close(self) -> None:
        self.engine.close()

    def _no_answer(self, status: Status, reason: str) -> Classified:
        with self._lock:
            self.reason = reason
            self.failures += 1
            first = self.failures == 1
        if first:  # counted by whoever asked, not logged thirty times a second
            log.error("classifier gave no answer", extra={"model": self.digest, "error": reason})
        return Classified(status=status)


def open_classifier(
    bundle: Path | str | StoredBundle,
    engine: str = "onnx",
    threads: int = 1,
    *,
    options: Mapping[str, Any] | None = None,
    work: Path | None = None,
) -> Classifier:
    """Verify, load and try the bundle once, so that a model of another layout is refused here. Arguments as of `open_detector`."""
    stored = bundle if isinstance(bundle, StoredBundle) else read_bundle(bundle)
    manifest = stored.manifest
    if manifest.task != "classify" or manifest.head.kind != "softmax":
        what = f"is for {manifest.task} with head {manifest.head.kind}"
        raise BundleError(f"bundle {stored.path}: {what}, not for classify with head softmax; name one that classifies")
    try:
        head = Softmax(len(manifest.labels), SoftmaxOptions.model_validate(manifest.head.options))
    except ValidationError as error:
        raise BundleError(f"bundle {stored.path}: head softmax: {error.errors()[0]['msg']}; correct head.options") from error
    classifier = Classifier(stored, open_engine(stored, engine, threads, options, work), head, Prepare(manifest.input))
    try:
        _try(classifier, stored)
    except BaseException:
        classifier.close()
        raise
    return classifier


def _try(classifier: Classifier, stored: StoredBundle) -> None:
    """One run on a grey picture."""
    spec = stored.manifest.input
    declared = classifier.engine.inputs[0].name
    if declared != spec.name:
        raise BundleError(f"bundle {stored.path}: the model's input is named {declared}, not {spec.name}; correct input.name")
    height, width = spec.size
    if classifier.classify(BgrPlanes(np.full((height, width, 3), spec.pad, np.uint8))).status != "ok":
        raise BundleError(f"bundle {stored.path}: gives no answer on {classifier.engine.name}: {classifier.reason}")
