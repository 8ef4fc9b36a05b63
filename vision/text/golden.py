"""Golden text: a bundle that reads carries pictures of lines and what they say, so that a wrong engine never serves."""

from __future__ import annotations

from contracts.bundle import GoldenText
from contracts.errors import BundleError, HardwareError
from vision.bundle import StoredBundle
from vision.planes import read_picture
from vision.text.recognise import Reading, Recogniser


def check_text(recogniser: Recogniser, bundle: StoredBundle) -> None:
    """BundleError when a line reads otherwise, or with a confidence that differs by more than the bundle tolerates."""
    engine = recogniser.engine.name
    tolerance = bundle.manifest.golden_tolerance.get(engine)
    if tolerance is None:
        known = ", ".join(bundle.manifest.golden_tolerance) or "none"
        raise BundleError(f"bundle {bundle.path}: states no golden_tolerance for engine {engine}, only for {known}; add one")
    for golden in bundle.manifest.golden_text:
        found = _read(recogniser, bundle.read(golden.image), golden.image)
        said = f"bundle {bundle.path}: golden {golden.image} on {engine}: "
        if found.text != golden.text:
            raise BundleError(f"{said}reads {found.text!r}, expected {golden.text!r}; keep the old model")
        if abs(found.confidence - golden.confidence) > tolerance:
            much = f"has {found.confidence:.3f}, expected {golden.confidence:.3f} within {tolerance:g}"
            raise BundleError(f"{said}{golden.text!r} {much}; keep the old model")


def golden_text(recogniser: Recogniser, picture: bytes, image: str) -> GoldenText:
    """What this recogniser reads in a picture, as the expectation to put in the bundle under that path."""
    found = _read(recogniser, picture, image)
    return GoldenText(image=image, text=found.text, confidence=round(found.confidence, 4))


def _read(recogniser: Recogniser, picture: bytes, image: str) -> Reading:
    try:
        return recogniser.read(read_picture(picture, image).bgr())
    except HardwareError as error:
        raise BundleError(f"golden {error}") from error
