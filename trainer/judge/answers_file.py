"""Answers on disk: a document of ours, or the results of another tool as COCO has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contracts.errors import ConfigError
from contracts.evaluation import SavedAnswers
from contracts.files import write_durably
from dataset.items import Item
from trainer.judge.ground import Found, Ground, check_found
from trainer.judge.points import NEVER

Rows = list[tuple[float, float, float, float, float, int]]


@dataclass(frozen=True, eq=False)
class Contestant:
    """A model and what it said; kinds are numbers of the ground's classes, -1 where the ground has no such class."""

    model: str
    answers: Mapping[str, Found]
    points: Mapping[str, float] = field(default_factory=dict)
    points_root: str | None = None


def contestant(saved: SavedAnswers, ground: Ground) -> Contestant:
    numbers = {name: kind for kind, name in enumerate(ground.classes)}
    kinds = np.array([numbers.get(label, -1) for label in saved.labels], np.int64)
    answers = {}
    for picture, rows in saved.pictures.items():
        columns = np.array(rows, np.float64).reshape(-1, 6)
        answers[picture] = Found(columns[:, :4], columns[:, 4], kinds[columns[:, 5].astype(np.int64)])
        check_found(picture, answers[picture])
    # a class that a model does not know is one it never shows, which is something else than a class without a point
    unknown = {name: NEVER for name in ground.classes if name not in saved.labels}
    return Contestant(saved.model, answers, {**saved.points, **unknown}, saved.points_root)


def coco_answers(path: Path, rows: Sequence[object], items: Sequence[Item], categories: Mapping[int, str]) -> dict[str, Rows]:
    """By picture, each item named even when nothing is said of it: results of COCO cannot tell that from "not asked".

    An `image_id` is the number a picture has in the data set, or its id; those of other splits are left out. Class numbers are places in
    the sorted category ids.
    """
    places = {number: place for place, number in enumerate(sorted(categories))}
    pictures: dict[object, str] = {item.number: item.id for item in items if item.number is not None}
    pictures |= {item.id: item.id for item in items}
    found: dict[str, Rows] = {item.id: [] for item in items}
    for n, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise TypeError("is no object")
            place = places[row["category_id"]]
            x, y, width, height = (float(value) for value in row["bbox"])
            picture, confidence = pictures.get(row["image_id"]), float(row["score"])
        except (KeyError, TypeError, ValueError) as error:
            what = f"{path}: result {n} is none of COCO ({error!r})"
            raise ConfigError(f"{what}; it needs image_id, category_id of the data set, bbox and score") from error
        if picture is not None:
            found[picture].append((x, y, width, height, confidence, place))
    return found


def save_answers(path: Path, saved: SavedAnswers) -> None:
    write_durably(path, saved.model_dump_json().encode() + b"\n")
