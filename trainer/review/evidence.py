"""Evidence: what the answers say of the model that looked: of each class what it saw rightly, wrongly, and not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, select

from trainer.judge.ground import Doubles
from trainer.judge.matching import overlaps
from trainer.review.estimates import CONFIDENCE, ClassEstimate, Looked, Share, estimate
from trainer.review.labels import Decision
from trainer.store.database import Database
from trainer.store.review_tables import review_items, review_labels

SAME_IOU = 0.5  # so much a box and a thing must overlap
INSIDE = 0.5  # so much of a box lies in a region of which nothing is known
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class About:
    """Which pictures; empty: all. `points`: confidence above which boxes of a class count; a class without one: all that the box showed."""

    set: str = ""
    device: str = ""
    camera: str = ""
    model: str = ""
    since_us: int = 0
    until_us: int = 0
    points: Mapping[str, float] = field(default_factory=dict)


def estimates(database: Database, about: About, confidence: float = CONFIDENCE) -> dict[str, ClassEstimate]:
    """Of each class that somebody was complete for."""
    with database.read() as connection:
        first_waiting = _first_waiting(connection, about)
        looked: dict[str, list[Looked]] = {}
        for row in _answered(connection, about):
            for name, each in looked_at(row, about.points).items():
                looked.setdefault(name, []).append(each)
    return {name: estimate(rows, first_waiting, confidence) for name, rows in sorted(looked.items())}


def _where(query: Any, about: About) -> Any:
    items = review_items.c
    query = query.where(items.weight > 0)  # those that stand for others: a choice made on purpose says nothing of the rest
    for column, wanted in ((items.set, about.set), (items.device, about.device), (items.camera, about.camera), (items.model, about.model)):
        query = query.where(column == wanted) if wanted else query
    query = query.where(items.t_us >= about.since_us) if about.since_us else query
    return query.where(items.t_us < about.until_us) if about.until_us else query


def _first_waiting(connection: Connection, about: About) -> float:
    """Turn of the first that nobody has answered; 0: all were."""
    query = _where(select(func.max(review_items.c.turn)).where(review_items.c.state.in_(["open", "passed"])), about)
    return float(connection.execute(query).scalar() or 0.0)


def _answered(connection: Connection, about: About) -> Sequence[Row[Any]]:
    """Items that are done, each with its newest answer."""
    items, labels = review_items.c, review_labels.c
    newest = select(labels.item, func.max(labels.version).label("version")).where(labels.kind == "answer").group_by(labels.item).subquery()
    query = select(review_items, labels.body).join(newest, newest.c.item == items.id)
    query = query.join(review_labels, (labels.item == newest.c.item) & (labels.version == newest.c.version)).where(items.state == "done")
    return connection.execute(_where(query, about)).all()


def looked_at(row: Row[Any], points: Mapping[str, float]) -> dict[str, Looked]:
    """By class, those that the answer is complete for."""
    said = Decision.model_validate_json(row.body)
    shown = [each for each in json.loads(row.boxes) if each[4] >= points.get(each[5], 0.0)]
    ignore = _array([*said.ignore, *json.loads(row.ignore)])
    recording = f"{row.device}|{row.session}|{row.t_us // DAY_US}"
    found = {}
    for name in dict.fromkeys(said.exhaustive_for):
        boxes = _array([each[:4] for each in sorted(shown, key=lambda each: -each[4]) if each[5] == name])
        things = _array([each.box for each in said.boxes if each.category == name])
        right, wrong, missed = matched(boxes, things, ignore)
        found[name] = Looked(row.weight, row.value, row.turn, recording, right, wrong, missed)
    return found


def matched(boxes: Doubles, things: Doubles, ignore: Doubles) -> tuple[int, int, int]:
    """Right, wrong and missed. The most confident box first takes the thing it fits best; what lies in doubt is neither."""
    overlap, free = overlaps(boxes, things), np.ones(len(things), bool)
    doubtful, unclear = _doubtful(boxes, ignore), _doubtful(things, ignore)
    right = wrong = 0
    for row, doubt in zip(overlap, doubtful, strict=True):
        fits = np.where(free, row, -1.0)
        best = int(fits.argmax()) if len(fits) else -1
        if best >= 0 and fits[best] >= SAME_IOU:
            free[best] = False
            right += not unclear[best]
        else:
            wrong += not doubt
    return right, wrong, int((free & ~unclear).sum())


def _doubtful(boxes: Doubles, ignore: Doubles) -> Any:
    if not len(boxes) or not len(ignore):
        return np.zeros(len(boxes), bool)
    return overlaps(boxes, ignore, of_first=True).max(axis=1) >= INSIDE


def _array(boxes: Sequence[Sequence[float]]) -> Doubles:
    return np.array(boxes, np.float64).reshape(-1, 4)


def document(found: Mapping[str, ClassEstimate]) -> dict[str, Any]:
    """For pages: null where there is nothing to say."""
    return {
        name: {
            "precision": _share(each.precision), "recall": _share(each.recall), "pictures": each.pictures, "recordings": each.recordings,
            "stands_for": round(each.stands_for, 1),
        }
        for name, each in found.items()
    }  # fmt: skip


def _share(each: Share) -> dict[str, Any]:
    numbers = {"estimate": each.interval.estimate, "low": each.interval.low, "high": each.interval.high, "naive": each.naive}
    return {name: round(number, 4) if math.isfinite(number) else None for name, number in numbers.items()} | {"boxes": each.trials}
