"""Asking: what a bundle says of the pictures of a data set, through the same detector as on the box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.errors import ConfigError, HardwareError
from contracts.evaluation import SavedAnswers
from dataset.items import Item
from dataset.layout import read_small
from vision.bundle import read_bundle
from vision.detector import open_detector
from vision.planes import read_picture
from vision.types import Detections

FLOOR = 0.01  # confidence below which answers change no figure that anybody looks at


def ask(bundle: Path, items: Sequence[Item], threads: int = 1, tick: Callable[[int], None] | None = None) -> SavedAnswers:
    """Its points are those frozen in the bundle. A picture without an answer refuses the whole: that is not "nothing there"."""
    stored = read_bundle(bundle)
    manifest = stored.manifest
    floors = dict.fromkeys(manifest.labels, FLOOR)
    detector = open_detector(stored, threads=threads, min_confidence=FLOOR, class_confidence=floors)
    pictures = {}
    try:
        for done, item in enumerate(items, 1):
            if item.path is None:
                raise ConfigError(
                    f"picture {item.id}: its file is not in the data set; a model can only be asked about pictures that are there"
                )
            found = detector.detect(read_picture(read_small(item.path), str(item.path)))
            if found.status != "ok":
                raise HardwareError(f"picture {item.path}: the model gave no answer ({detector.reason or found.status}); try it again")
            pictures[item.id] = _rows(found)
            if tick is not None:
                tick(done)
    finally:
        detector.close()
    points = {label: manifest.class_confidence.get(label, manifest.min_confidence) for label in manifest.labels}
    return SavedAnswers(model=stored.digest, labels=list(manifest.labels), points=points, pictures=pictures)


def _rows(found: Detections) -> list[tuple[float, float, float, float, float, int]]:
    rows = zip(found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist(), strict=True)
    return [(x1, y1, max(0.0, x2 - x1), max(0.0, y2 - y1), min(1.0, max(0.0, sure)), int(kind)) for (x1, y1, x2, y2), sure, kind in rows]
