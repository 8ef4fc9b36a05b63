"""A small world for these tests: rendered shapes in recordings, as a native data set with its split, and short configurations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from contracts.dataset import Region
from contracts.split import Fractions
from dataset.about import About
from dataset.exporter import Exporter
from dataset.items import Item
from dataset.marks import Mark, box, drawn
from dataset.native import NativeReader
from trainer.datasets.split_file import write_split
from trainer.datasets.splitting import Plan, split
from trainer.home import Home
from trainer.train.config import TrainConfig
from trainer.train.example import Image

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
CLASSES = ("ball", "box")
RECORDINGS = 12
Said = Callable[[int, list[Mark]], tuple[list[Mark], tuple[str, ...]]]


def scene(seed: int, height: int = 96, width: int = 128, things: int = 3) -> tuple[Image, list[Mark]]:
    """Red balls and blue boxes, never over one another, on a noisy ground (BGR)."""
    random = np.random.default_rng(seed)
    low = 170 if is_bright(seed) else 90
    image = random.integers(low, low + 60, (height, width, 3)).astype(np.uint8)
    marks: list[Mark] = []
    for _ in range(40):
        if len(marks) == things:
            break
        side = int(random.integers(16, 34))
        x, y = int(random.integers(0, width - side)), int(random.integers(0, height - side))
        if any(x < m.bbox[0] + m.bbox[2] and m.bbox[0] < x + side and y < m.bbox[1] + m.bbox[3] and m.bbox[1] < y + side for m in marks):
            continue
        kind = int(random.integers(2))
        if kind == 0:
            cv2.circle(image, (x + side // 2, y + side // 2), side // 2, (30, 30, 220), -1)
        else:
            cv2.rectangle(image, (x, y), (x + side - 1, y + side - 1), (220, 60, 30), -1)
        marks.append(drawn(CLASSES[kind], (x, y, side, side)))
    return image, marks


def is_bright(number: int) -> bool:
    """Half of the pictures of every recording are of another hour."""
    return number // RECORDINGS % 2 == 1


def everything(_: int, marks: list[Mark]) -> tuple[list[Mark], tuple[str, ...]]:
    return marks, CLASSES


def make_set(home: Home, name: str = "shapes", count: int = 48, said: Said = everything, **more: Any) -> Path:
    """`said` decides what is labelled of a picture, and for which classes everything is."""
    root = home.sets / name
    with Exporter(root, batch_size=100) as exporter:
        for number in range(count):
            image, marks = scene(number, **more)
            labels, exhaustive = said(number, marks)
            session = f"s{number % RECORDINGS}"
            about = About(
                START + timedelta(seconds=number), "yard", "review", f"e{number}", reviewed=True, exhaustive_for=exhaustive,
                reason="uniform", sampling_probability=0.5, session=session,
            )  # fmt: skip
            exporter.add(image, labels, about)
    return root


def make_split(home: Home, name: str = "shapes", salt: str = "1", val: float = 0.25) -> Path:
    reader = NativeReader(home.sets / name)
    try:
        division = split(reader, Plan(salt, Fractions(train=1 - val, val=val, test=0.0), near_bits=0), START)
    finally:
        reader.close()
    path = home.splits / f"{name}.json"
    write_split(path, division.split)
    return path


def config(name: str = "shapes", **parts: dict[str, Any]) -> TrainConfig:
    """Small and short; what is given replaces single keys."""
    values: dict[str, dict[str, Any]] = {
        "data": {"set": name, "split": name},
        "model": {"architecture": "small", "size": [96, 128]},
        "training": {"epochs": 2, "batch_size": 4, "steps": 2, "threads": 1, "loaders": 2, "device": "cpu"},
        "augment": {},
    }
    for part, given in parts.items():
        values[part] = {**values.get(part, {}), **given}
    return TrainConfig.model_validate(values)


WHOLE = config(training={"epochs": 3, "steps": 4})  # what stopped and killed runs are held against


class Listener:
    """What was said, and when it is to stop."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.said: list[tuple[float, str]] = []
        self._left = stop_after

    def progress(self, done: float, said: str) -> None:
        self.said.append((done, said))

    def stopped(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        return self._left < 0


def unknown(box: tuple[float, float, float, float]) -> Region:
    return Region(bbox=box, reason="unclear")


def seen(marks: Sequence[Mark], confidence: float) -> list[Mark]:
    """The same, as a machine says it."""
    return [box_of(mark, confidence) for mark in marks]


def box_of(mark: Mark, confidence: float) -> Mark:
    return box(mark.category, mark.bbox, confidence)


def without_picture(item: Item) -> Item:
    return replace(item, path=None)
