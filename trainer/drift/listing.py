"""Listing: how drift stands, for people and programs: what drifts first; and the pictures to label first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, case, or_, select

from contracts.wire import utc_from_ns, utc_text
from trainer.drift.calls import open_calls
from trainer.drift.measures import Measure
from trainer.drift.streams import HOUR_US
from trainer.drift.words import changed, is_of_model, named
from trainer.store.database import Database
from trainer.store.drift_tables import drift_standing
from trainer.store.registry_tables import models
from trainer.store.review_tables import review_items

ORDER = ("drift", "few", "learning", "ok")
MOST = 500
TO_LABEL = 12
PICTURES = ("brightness", "sharpness", "picture")


@dataclass(frozen=True)
class Wanted:
    """`after`: what the page before said in `next`. `device` None: all; empty: all boxes together."""

    device: str | None = None
    model: str = ""
    state: str = ""
    limit: int = 100
    after: str = ""


def listed(database: Database, wanted: Wanted) -> dict[str, Any]:
    of = drift_standing.c
    place_of = case({state: 2 * number for number, state in enumerate(ORDER)}, value=of.state, else_=2 * len(ORDER))
    rank = place_of + case((of.measure.in_(PICTURES), 1), else_=0)  # the light and the camera after what the model sees
    key = (rank, of.model, of.device, of.camera, of.measure)
    query = select(drift_standing, rank.label("rank")).order_by(*key).limit(wanted.limit + 1)
    for column, value in ((of.model, wanted.model), (of.state, wanted.state)):
        query = query.where(column == value) if value else query
    query = query if wanted.device is None else query.where(of.device == wanted.device)
    if (place := _place(wanted.after)) is not None:
        query = query.where(or_(*(and_(*(key[n] == place[n] for n in range(last)), key[last] > place[last]) for last in range(len(key)))))
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        names = _names(connection)
        calls = [_call(each, names) for each in open_calls(connection)]
    page = rows[: wanted.limit]
    last = page[-1] if len(rows) > wanted.limit else None
    following = json.dumps([last["rank"], *(last[name] for name in ("model", "device", "camera", "measure"))]) if last else None
    return {"calls": calls, "standing": [_told(row, names) for row in page], "next": following}


def to_label(database: Database, device: str, since_hour: int | None) -> list[dict[str, Any]]:
    """Of pictures that wait in the queue those of this box since then, in the queue's own order, so that its figures stay honest."""
    items = review_items.c
    query = select(items.id, items.sha256, items.camera, items.t_us, items.reason, items.width, items.height)
    query = query.where(items.state == "open", items.device == device).order_by(items.turn.desc(), items.id).limit(TO_LABEL)
    query = query if since_hour is None else query.where(items.t_us >= since_hour * HOUR_US)
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _told(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    told = json.loads(row["line"]) if row["line"] else {"span": 0, "before": None, "after": None, "line": []}
    measure = Measure.of(row["measure"]) if row["measure"] else None
    said = changed(measure, told["before"], told["after"]) if measure and row["state"] == "drift" else ""
    return {
        "model": row["model"], "model_name": names.get(row["model"], ""), "device": row["device"], "camera": row["camera"],
        "measure": row["measure"], "name": named(measure) if measure else "", "of_model": measure is not None and is_of_model(measure),
        "state": row["state"], "words": said, "distance": row["distance"], "bound": row["bound"], "psi": row["psi"],
        "since": _time(row["since_hour"]), "until": _time(row["hour"] + 1), "span_h": told["span"], "before": told["before"],
        "after": told["after"], "line": told["line"],
    }  # fmt: skip


def _call(call: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    said = {name: call[name] for name in ("number", "model", "words", "devices", "job")}
    began = utc_text(utc_from_ns(call["began_us"] * 1000))
    return {**said, "model_name": names.get(call["model"], ""), "since": _time(call["since_hour"]), "began": began}


def _names(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(models.c.digest, models.c.name, models.c.version).limit(10_000))
    return {row.digest: f"{row.name} {row.version}" for row in rows}


def _time(hour: int | None) -> str | None:
    return None if hour is None else utc_text(utc_from_ns(hour * HOUR_US * 1000))


def _place(after: str) -> list[Any] | None:
    """Nothing, or where the page before ended; what is none begins at the beginning."""
    try:
        place = json.loads(after) if after else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(place, list) or len(place) != 5 or not isinstance(place[0], int) or abs(place[0]) > 2 * len(ORDER) + 1:
        return None
    return place if all(isinstance(each, str) and "\0" not in each for each in place[1:]) else None
