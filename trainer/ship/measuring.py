"""Measuring: how good one form of a network is on the validation part, seen as the box would see it."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.bundle import Head, Input
from contracts.errors import BundleError, ConfigError
from contracts.exported import ExportedFigures
from dataset.items import Category, Item
from dataset.layout import read_small
from trainer.judge.ground import Found, Ground
from trainer.judge.hotcoco_evaluator import evaluator
from trainer.judge.loading import ground_of, judged_root
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle
from vision.detector import Detector, confidence_floors
from vision.engines.engine import Engine
from vision.heads.head import open_head
from vision.planes import BgrPlanes, read_picture
from vision.prepare import Prepare
from vision.types import Detections

FLOOR = 0.01  # confidence below which answers change no figure that anybody looks at
Tick = Callable[[int, int], None]  # pictures done, of how many


def untold(done: int, total: int) -> None:
    """For who does not listen."""


@dataclass(frozen=True)
class Shown:
    """What a model is to a detector: its classes, input and head."""

    labels: tuple[str, ...]
    input: Input
    head: Head


class Yardstick:
    """The pictures of the validation part and what is truly in them; every form of a network is held against the same."""

    def __init__(self, categories: Sequence[Category], items: Sequence[Item]) -> None:
        self.ground, self._items = ground_of(items, categories)
        self.root = judged_root(self.ground)

    def __len__(self) -> int:
        return len(self._items)

    def figures(self, engine: Engine, shown: Shown, model: bytes, tick: Tick = untold) -> ExportedFigures:
        """`model` is only what stands in the draft of a bundle; `engine` answers, and is closed. BundleError: it did not."""
        with tempfile.TemporaryDirectory(prefix="vedette-draft-") as folder:
            stored = draft_of(Path(folder) / "draft", shown, model)
            detector = open_with(stored, engine)
            try:
                return self._figures(detector, shown.labels, tick)
            finally:
                detector.close()

    def _figures(self, detector: Detector, labels: Sequence[str], tick: Tick) -> ExportedFigures:
        kinds = _kinds(labels, self.ground)
        said, spent_ms = {}, []
        for done, item in enumerate(self._items, 1):
            planes = picture(item)
            began = time.process_time()
            found = detector.detect(planes)
            spent_ms.append((time.process_time() - began) * 1000)
            if found.status != "ok":
                raise BundleError(f"picture {item.file}: the model gave no answer ({detector.reason or found.status}); it is refused")
            said[item.id] = _found(found, kinds)
            tick(done, len(self._items))
        overall = evaluator().evaluate(self.ground, said).overall
        answers = sum(len(each.kinds) for each in said.values())
        return ExportedFigures(
            ap=_share(overall["ap"]), ap50=_share(overall["ap50"]), answers=answers, cpu_ms=round(float(np.median(spent_ms)), 2)
        )


def picture(item: Item) -> BgrPlanes:
    if item.path is None:
        raise ConfigError(f"picture {item.id}: its file is not in the data set; fetch it again")
    return read_picture(read_small(item.path), str(item.path))


def open_with(stored: StoredBundle, engine: Engine) -> Detector:
    """A detector of a bundle whose engine is given, letting everything through that a figure may need."""
    manifest = stored.manifest
    head = open_head(manifest.head, confidence_floors(manifest, FLOOR, {}, None), manifest.iou)
    return Detector(stored, engine, head, Prepare(manifest.input))


def draft_of(path: Path, shown: Shown, model: bytes) -> StoredBundle:
    """A bundle that only says what the model is, to run it as the box would."""
    fields = {"name": "draft", "version": "0.0.0", "labels": list(shown.labels), "input": shown.input, "head": shown.head}
    return write_bundle(path, {**fields, "min_confidence": FLOOR}, {"model.onnx": model})


def _kinds(labels: Sequence[str], ground: Ground) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """The number of each of the model's classes in the data set; -1 where it has no such class."""
    numbers = {name: kind for kind, name in enumerate(ground.classes)}
    return np.array([numbers.get(label, -1) for label in labels], np.int64)


def _found(found: Detections, kinds: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Found:
    xyxy = found.xyxy.astype(np.float64)
    boxes = np.concatenate([xyxy[:, :2], np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)], axis=1)
    return Found(boxes, np.clip(found.confidence, 0, 1).astype(np.float64), kinds[found.class_id])


def _share(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
