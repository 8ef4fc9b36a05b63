"""Golden scores: a bundle that classifies carries pictures and how likely each label is there, so that a wrong engine never serves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contracts.bundle import GoldenScores
from contracts.errors import BundleError, HardwareError
from vision.bundle import StoredBundle
from vision.classify import Classifier
from vision.planes import read_picture


def check_scores(classifier: Classifier, bundle: StoredBundle) -> None:
    """BundleError when the likelihood of any label differs by more than the bundle tolerates on this engine."""
    engine = classifier.engine.name
    tolerance = bundle.manifest.golden_tolerance.get(engine)
    if tolerance is None:
        known = ", ".join(bundle.manifest.golden_tolerance) or "none"
        raise BundleError(f"bundle {bundle.path}: states no golden_tolerance for engine {engine}, only for {known}; add one")
    for golden in bundle.manifest.golden_scores:
        found = _scores(classifier, bundle.read(golden.image), golden.image)
        away = np.abs(found - np.array(golden.scores))
        worst = int(away.argmax())
        if away[worst] > tolerance:
            what = f"{classifier.labels[worst]} has {found[worst]:.3f}, expected {golden.scores[worst]:.3f} within {tolerance:g}"
            raise BundleError(f"bundle {bundle.path}: golden {golden.image} on {engine}: {what}; keep the old model")


def golden_scores(classifier: Classifier, picture: bytes, image: str) -> GoldenScores:
    """What this classifier says of a picture, as the expectation to put in the bundle under that path."""
    return GoldenScores(image=image, scores=[round(float(score), 4) for score in _scores(classifier, picture, image)])


def _scores(classifier: Classifier, picture: bytes, image: str) -> NDArray[np.float32]:
    try:
        found = classifier.classify(read_picture(picture, image))
    except HardwareError as error:
        raise BundleError(f"golden {error}") from error
    if found.status != "ok":
        raise BundleError(f"golden {image}: no answer on {classifier.engine.name}: {classifier.reason}")
    return found.scores
