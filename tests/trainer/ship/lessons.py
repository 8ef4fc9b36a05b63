"""A small data set of rendered pictures on disk, and a network that was really trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import torch

from dataset.formats.yolo_write import YoloWriter
from dataset.items import Category, Item, Label
from tests.trainer.pictures import Drawer, rendered
from trainer.learn import Schedule, learn
from trainer.network import Network
from trainer.ship.lesson import Lesson
from trainer.ship.trained import Trained

SIZE = (64, 128)
CATEGORIES = (Category("figure", 1),)
SCHEDULE = Schedule(rounds=1, batches=80, batch=4, rate=4e-3, backbone_rate=4e-3, warm_up=10, average=0.9, frozen=0)


class Notes:
    """Who listens to work, and may stop it after so many words."""

    def __init__(self, words: int | None = None) -> None:
        self.said: list[tuple[float, str]] = []
        self._words = words

    def progress(self, done: float, said: str) -> None:
        self.said.append((done, said))

    def stopped(self) -> bool:
        return self._words is not None and len(self.said) >= self._words


def item(folder: Path, seed: int, split: str) -> Item:
    sample = rendered(seed, *SIZE)
    path = folder / f"{split}-{seed:04d}.png"
    assert cv2.imwrite(str(path), sample.image[..., ::-1])
    labels = tuple(Label((float(a), float(b), float(c - a), float(d - b)), "figure", verified=True) for a, b, c, d in sample.boxes)
    return Item(path.stem, path.name, SIZE[1], SIZE[0], labels, path, split)


def lesson(folder: Path, train: int = 24, val: int = 24) -> Lesson:
    folder.mkdir(parents=True, exist_ok=True)
    parts = [[item(folder, first + n, split) for n in range(count)] for split, first, count in (("train", 0, train), ("val", 1000, val))]
    return Lesson(CATEGORIES, tuple(parts[0]), tuple(parts[1]))


def yolo_set(folder: Path, items: Sequence[Item]) -> Path:
    writer = YoloWriter(folder, CATEGORIES)
    for each in items:
        writer.write(each)
    writer.close()
    return folder


@cache
def network() -> Network:
    """Trained once for all tests of a process; the same every time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(7)
        return learn(Network(), lambda number: Drawer([rendered(seed, *SIZE) for seed in range(number, number + 64)]), SCHEDULE)
    finally:
        torch.set_num_threads(before)


def trained(folder: Path, train: int = 24, val: int = 24) -> Trained:
    return Trained(network(), ("figure",), SIZE, lesson(folder, train, val), licence="Apache-2.0")
