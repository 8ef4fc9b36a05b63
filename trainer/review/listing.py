"""Listing: items of the queue for people: a page of them, and one with all that was said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import and_, or_, select

from contracts.errors import ProtocolError
from contracts.wire import utc_text
from dataset.layout import Layout
from trainer.review.labels import Draft, Standing
from trainer.review.refusals import Unknown
from trainer.review.rows import Item, categories_of, item_of, machine_boxes, said_of
from trainer.store.database import Database
from trainer.store.review_tables import review_items

MOST = 500  # items of a page
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Wanted:
    """`after`: what the page before said in `next`."""

    state: str = "open"
    reason: str = ""
    set: str = ""
    limit: int = 50
    after: str = ""


def listed(database: Database, wanted: Wanted) -> dict[str, Any]:
    """Those that are worth most first."""
    if not 1 <= wanted.limit <= MOST:
        raise ProtocolError(f"limit {wanted.limit}: is from 1 to {MOST}")
    items = review_items.c
    query = select(review_items).order_by(items.turn.desc(), items.id).limit(wanted.limit + 1)
    query = query.where(items.state == wanted.state) if wanted.state else query.where(items.state.notin_(["twin", "gone"]))
    query = query.where(items.reason == wanted.reason) if wanted.reason else query
    query = query.where(items.set == wanted.set) if wanted.set else query
    if wanted.after:
        turn, name = _position(wanted.after)
        query = query.where(or_(items.turn < turn, and_(items.turn == turn, items.id > name)))
    with database.read() as connection:
        rows = connection.execute(query).all()
    page = rows[: wanted.limit]
    following = f"{page[-1].turn!r}:{page[-1].id}" if len(rows) > wanted.limit else None
    return {"items": [summary(row) for row in page], "next": following}


def _position(after: str) -> tuple[float, str]:
    turn, colon, name = after.partition(":")
    try:
        if colon and len(name) <= 36:
            return float(turn), name
    except ValueError:
        pass
    raise ProtocolError(f"after {after[:60]!r}: is not what a page said in next")


def summary(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "set": item.set,
        "image": {"url": f"/api/v1/review/images/{item.sha256}", "width": item.width, "height": item.height},
        "device": item.device,
        "camera": item.camera,
        "session": item.session,
        "t": time_text(item.t_us),
        "reason": item.reason,
        "probability": item.probability,
        "value": round(item.value, 6),
        "state": item.state,
        "version": item.version,
        "count": item.count,
        "assignee": item.assignee,
    }


def one(database: Database, sets: Path, item: str) -> dict[str, Any]:
    """With labels: what was answered, else what there is to begin with; and the draft that is not decided."""
    with database.read() as connection:
        found = item_of(connection, item)
        said, categories = said_of(connection, item), categories_of(connection, sets, found.set)
    labels = said.answer or said.reopened
    if labels is None:
        labels = Draft(boxes=machine_boxes(found), ignore=[tuple(box) for box in json.loads(found.ignore)])
    answer = said.answer.answer if said.answer else None
    draft = said_document(said.draft, None) if said.draft is not None else None
    return {**summary(found), "labels": said_document(labels, answer), "categories": categories, "draft": draft}


def said_document(said: Draft, answer: str | None) -> dict[str, Any]:
    boxes: Sequence[Mapping[str, Any]] = [
        {**each.model_dump(), "id": each.id or f"b{n}", "box": list(each.box)} for n, each in enumerate(said.boxes)
    ]
    ignored = [list(box) for box in said.ignore]
    return {"boxes": boxes, "exhaustive_for": list(said.exhaustive_for), "ignore": ignored, "answer": answer}


def standing_document(standing: Standing) -> dict[str, Any]:
    """What who was too late is told."""
    draft = said_document(standing.draft, getattr(standing.draft, "answer", None)) if standing.draft is not None else None
    return {"version": standing.version, "by": standing.by, "at": time_text(standing.t_us), "draft": draft}


def picture_path(database: Database, sets: Path, sha256: str) -> Path:
    """The picture's file; Unknown for one that is not there."""
    query = select(review_items.c.set, review_items.c.image).where(review_items.c.sha256 == sha256)
    with database.read() as connection:
        rows = connection.execute(query.limit(20)).all()
    for row in rows:
        path = Layout(sets / row.set).image(row.image)
        if path.is_file() and not path.is_symlink():
            return path
    raise Unknown(f"picture {sha256[:64]!r}: is not in the queue, or was removed")


def time_text(t_us: int) -> str:
    return utc_text(EPOCH + timedelta(microseconds=t_us))
