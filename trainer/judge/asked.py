"""Asked: a data set that models are asked about, each a bundle that runs here or answers that were saved before."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import ConfigError
from contracts.evaluation import SavedAnswers
from dataset.items import Item
from dataset.layout import read_small
from trainer.datasets.split_file import read_split
from trainer.datasets.splitting import Frozen
from trainer.judge.answers_file import Rows, coco_answers
from trainer.judge.asking import ask
from trainer.judge.loading import load_ground

EVERY = 50  # pictures between two words about how far it is


class Asked:
    """`sides`: the document of a split, which says what is test in place of the set."""

    def __init__(self, data: Path, form: str | None, split: str, utc_offset_h: float, threads: int, sides: Path | None = None) -> None:
        loaded = load_ground(data, split, form, utc_offset_h, Frozen(read_split(sides)).side if sides is not None else None)
        self.ground, self.items, self.categories, self._all = loaded.ground, loaded.items, loaded.categories, loaded.all_items
        self._threads = threads

    def answers(self, model: Path, also: Iterable[str] = ()) -> SavedAnswers:
        """`also`: ids of pictures outside the split that a bundle is asked about too, such as those of past incidents."""
        if model.suffix == ".json" and model.is_file():
            return self._saved(model)
        extra = set(also) - {item.id for item in self.items}
        wanted: list[Item] = [*self.items, *(item for item in self._all if item.id in extra)]
        return ask(model, wanted, self._threads, _telling(model, len(wanted)))

    def _saved(self, path: Path) -> SavedAnswers:
        said = read_json(path)
        if isinstance(said, list):
            rows: dict[str, Rows] = coco_answers(path, said, self.items, self.categories)
            names = [name for _, name in sorted(self.categories.items())]
            return SavedAnswers(model=path.stem, labels=names, pictures=rows)
        return _validated(path, said)


def read_saved(path: Path) -> SavedAnswers:
    return _validated(path, read_json(path))


def read_json(path: Path) -> object:
    try:
        return json.loads(read_small(path), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as answers ({error}); save them again with `evaluate --save`") from error


def _validated(path: Path, said: object) -> SavedAnswers:
    try:
        return SavedAnswers.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"{path}: {place}: {first['msg']}; save the answers again with `evaluate --save`") from error


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _telling(model: Path, total: int) -> Callable[[int], None]:
    def tick(done: int) -> None:
        if sys.stderr.isatty() and (done % EVERY == 0 or done == total):
            sys.stderr.write(f"{model}: {done} of {total} pictures\n")

    return tick
