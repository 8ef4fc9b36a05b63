"""Lesson: the train and val parts of a data set, as a run's configuration names them; the test part is never handed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigError
from dataset.findings import Findings
from dataset.formats.known import open_reader
from dataset.items import Category, Item
from trainer.datasets.split_file import read_split
from trainer.datasets.splitting import Frozen
from trainer.home import Home, named
from trainer.train.config import Data
from trainer.train.material import set_path


@dataclass(frozen=True, eq=False)
class Lesson:
    """`categories` in the order of the model's class numbers."""

    categories: tuple[Category, ...]
    train: tuple[Item, ...]
    val: tuple[Item, ...]

    def __post_init__(self) -> None:
        if not self.val:
            raise ConfigError("the split has no picture for validation; divide the data set anew, with more recordings")
        if not any(item.labels for item in self.val):
            raise ConfigError("nothing is labelled on the pictures for validation, so no figure can be counted; label some")

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(category.name for category in self.categories)


def lesson_of(data: Data, home: Home, classes: Sequence[str] = ()) -> Lesson:
    """`classes`: those a model was trained with, in its order; empty: as the configuration says."""
    reader = open_reader(set_path(data, home), data.format, Findings())
    try:
        items = [item for item in reader if item.path is not None]
        there = [each.name for each in sorted(reader.categories, key=lambda each: each.number)]
    finally:
        reader.close()
    names = tuple(classes) or data.classes or tuple(there)
    missing = [name for name in names if name not in there]
    if missing or not names:
        raise ConfigError(f"data set {data.set}: has no class {', '.join(missing) or 'at all'}; name the set the run was trained on")
    side = _sides(data, home)
    parts: dict[str, list[Item]] = {"train": [], "val": []}
    for item in items:
        parts.get(side(item) or "", []).append(item)
    categories = tuple(Category(name, number) for number, name in enumerate(names, 1))
    return Lesson(categories, tuple(parts["train"]), tuple(parts["val"]))


def _sides(data: Data, home: Home) -> Callable[[Item], str | None]:
    if data.split is None:
        return lambda item: item.split or None
    path = Path(data.split) if "/" in data.split else named(home.splits, data.split.removesuffix(".json"), ".json")
    return Frozen(read_split(path)).side
