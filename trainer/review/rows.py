"""Rows: an item of the queue as it lies in the store, and what was said of it, newest last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from contracts.errors import VedetteError
from dataset.classes import read_document
from dataset.layout import Layout
from trainer.review.labels import Decision, Draft, Marked, Standing
from trainer.review.refusals import Unknown
from trainer.store.review_tables import review_items, review_labels, review_sets

Item = Row[Any]


def item_of(connection: Connection, item: str) -> Item:
    """Unknown for one that is not there, or only stands for another."""
    found = connection.execute(select(review_items).where(review_items.c.id == item)).one_or_none()
    if found is None or found.state == "twin":
        raise Unknown(f"item {item[:40]!r}: is not in the queue")
    return found


@dataclass(frozen=True)
class Said:
    """Of one item: the newest draft that was not decided, and the newest answer that was not taken back. `last`: whatever was last."""

    last: Row[Any] | None
    draft: Draft | None
    answer: Decision | None
    reopened: Draft | None  # what the answer was that was taken back


def said_of(connection: Connection, item: str) -> Said:
    def newest(*kinds: str) -> Row[Any] | None:
        query = select(review_labels).where(review_labels.c.item == item, review_labels.c.kind.in_(kinds))
        return connection.execute(query.order_by(review_labels.c.version.desc()).limit(1)).one_or_none()

    last = newest("draft", "answer", "reopen")
    if last is None:
        return Said(None, None, None, None)
    answer, reopen = newest("answer"), newest("reopen")
    stands = answer if answer is not None and (reopen is None or answer.version > reopen.version) else None
    draft = Draft.model_validate_json(last.body) if last.kind == "draft" else None
    taken_back = Draft.model_validate_json(answer.body) if answer is not None and stands is None else None
    return Said(last, draft, Decision.model_validate_json(stands.body) if stands is not None else None, taken_back)


def standing_of(connection: Connection, item: Item) -> Standing:
    said = said_of(connection, item.id)
    if said.last is None:
        return Standing(item.version, "", item.came_us, None)
    return Standing(item.version, said.last.who, said.last.t_us, Draft.model_validate_json(said.last.body))


def machine_boxes(item: Item) -> list[Marked]:
    """What the box's model said, as it came."""
    rows = json.loads(item.boxes)
    return [
        Marked(id=f"m{n}", box=tuple(row[:4]), category=row[5], source="model", model=item.model, confidence=row[4])
        for n, row in enumerate(rows)
    ]


def categories_of(connection: Connection, sets: Path, name: str) -> list[str]:
    """The classes of a data set: those it has, and those that were named for it; none twice."""
    try:
        pinned = [each.name for each in read_document(Layout(sets / name)).categories]
    except VedetteError:  # a data set that cannot be read: what was named for it is still known
        pinned = []
    return list(dict.fromkeys([*pinned, *named(connection, name)]))


def named(connection: Connection, name: str) -> Sequence[str]:
    """Classes that a person named for the set."""
    found = connection.execute(select(review_sets.c.classes).where(review_sets.c.name == name)).scalar_one_or_none()
    return [str(each) for each in json.loads(found)] if found else []
