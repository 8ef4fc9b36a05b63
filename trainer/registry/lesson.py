"""Lesson: a run's validation pictures, and why its training pictures were kept. The test part is never looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.bundle import Sampled
from contracts.errors import ConfigError
from contracts.run import Run
from dataset.findings import Findings
from dataset.formats.known import open_reader
from dataset.items import Category, Item
from trainer.datasets.split_file import read_split
from trainer.datasets.splitting import Frozen
from trainer.home import Home, named
from trainer.judge.ground import Ground
from trainer.judge.loading import ground_of

UNKNOWN = "not said"


@dataclass(frozen=True, eq=False)
class Lesson:
    """`ground` has the classes of the model in its order, and the cases of `val` in theirs."""

    val: tuple[Item, ...]
    ground: Ground
    sampling: dict[str, Sampled]


def lesson_of(home: Home, run: Run, labels: Sequence[str]) -> Lesson:
    """ConfigError: the data set or the split of the run is not here any more."""
    data = run.config.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("set"), str):
        raise ConfigError(f"run {run.id}: its configuration names no data set; give --golden pictures and --points")
    name, split, form = str(data["set"]), data.get("split"), data.get("format")
    path = Path(name) if "/" in name else named(home.sets, name)
    if not path.exists():
        raise ConfigError(f"run {run.id}: its data set {path} is not here; bring it back, or give --golden pictures and --points")
    return read_lesson(path, labels, _sides(home, split), form if isinstance(form, str) else None)


def read_lesson(path: Path, labels: Sequence[str], side: Callable[[Item], str | None], form: str | None = None) -> Lesson:
    reader = open_reader(path, form, Findings())
    val: list[Item] = []
    counted: dict[str, list[float | None]] = defaultdict(list)
    try:
        for item in reader:
            if (of := side(item)) == "val" and item.path is not None:
                val.append(item)
            elif of == "train":
                counted[item.origin.reason or UNKNOWN].append(item.origin.probability)
    finally:
        reader.close()
    if not val:
        raise ConfigError(f"data set {path}: has no picture for validation; give --golden pictures and --points")
    ground, chosen = ground_of(val, [Category(label, number) for number, label in enumerate(labels, 1)])
    return Lesson(tuple(chosen), ground, {reason: _sampled(counted[reason]) for reason in sorted(counted)})


def _sampled(probabilities: list[float | None]) -> Sampled:
    known = [each for each in probabilities if each is not None]
    return Sampled(pictures=len(probabilities), least_probability=min(known) if len(known) == len(probabilities) else None)


def _sides(home: Home, split: object) -> Callable[[Item], str | None]:
    if not isinstance(split, str):
        return lambda item: item.split or None
    path = Path(split) if "/" in split else named(home.splits, split.removesuffix(".json"), ".json")
    return Frozen(read_split(path)).side
