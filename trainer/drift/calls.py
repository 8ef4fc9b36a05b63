"""Calls: the moment to retrain a model has come, said once, in words and in the audit, until it is over."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from trainer.accounts.audit import Actor, Audit
from trainer.drift.measures import Measure
from trainer.drift.options import Options
from trainer.drift.standing import ALL
from trainer.drift.words import changed, hour_text, is_of_model, listed
from trainer.store.drift_tables import drift_calls, drift_standing
from trainer.store.registry_tables import models

WATCH = Actor("drift watch")
MOST_SAID = 3


@dataclass(frozen=True)
class Call:
    number: int
    model: str
    began_us: int
    since_hour: int
    words: str
    devices: tuple[str, ...]


def decide(connection: Connection, audit: Audit, model: str, options: Options, now_us: int) -> Call | None:
    """A new call; None: there is none, or it was said before. One that stands ends when nothing of its model drifts any more."""
    rows = [row for row in _standing(connection, model) if is_of_model(Measure.of(row["measure"]))]
    drifting = [row for row in rows if row["state"] == "drift"]
    standing = connection.execute(
        select(drift_calls.c.number).where(drift_calls.c.model == model, drift_calls.c.ended_us.is_(None))
    ).scalar_one_or_none()
    if standing is not None:
        if not drifting:
            connection.execute(update(drift_calls).where(drift_calls.c.number == standing).values(ended_us=now_us))
            audit.note_in(connection, WATCH, "drift over", model)
        return None
    lasting = [row for row in drifting if row["hour"] + 1 - row["since_hour"] >= options.lasting_h]
    devices = sorted({row["device"] for row in lasting if row["device"] != ALL})
    judged = {row["device"] for row in rows if row["device"] != ALL and row["state"] in {"ok", "drift"}}
    alone = {row["measure"] for row in drifting if row["device"] != ALL}
    all_of_them = any(row["device"] == ALL and row["measure"] not in alone for row in lasting)  # too little in each to be seen there
    if not all_of_them and len(devices) < max(1, math.ceil(options.share * len(judged))):
        return None
    return _said(connection, audit, model, lasting, devices or sorted(judged), len(judged), now_us)


def _said(
    connection: Connection, audit: Audit, model: str, lasting: Sequence[RowMapping], devices: list[str], judged: int, now_us: int
) -> Call:
    since = min(row["since_hour"] for row in lasting)
    words = (
        f"{_name(connection, model)}: the moment to retrain has come: {_what(lasting)}, on {len(devices)} of {judged} boxes "
        f"({listed(devices)}), since {hour_text(since)}{_light(connection, model, devices)}"
    )
    row = {"model": model, "began_us": now_us, "since_hour": since, "words": words, "devices": json.dumps(devices)}
    number = connection.execute(insert(drift_calls).returning(drift_calls.c.number), row).scalar_one()
    audit.note_in(connection, WATCH, "drift", model, words=words)
    return Call(int(number), model, now_us, since, words, tuple(devices))


def _what(lasting: Sequence[RowMapping]) -> str:
    """What drifted in most places first, each thing in the words of the place where it is worst."""
    most = Counter(row["measure"] for row in lasting)
    worst: dict[str, RowMapping] = {}
    for row in sorted(lasting, key=lambda each: (each["distance"] or 0.0) / (each["bound"] or 1.0)):
        worst[row["measure"]] = row
    said = []
    for measure, _ in most.most_common(MOST_SAID):
        told = json.loads(worst[measure]["line"])
        said.append(changed(Measure.of(measure), told["before"], told["after"]))
    return "; ".join(said)


def _light(connection: Connection, model: str, devices: Sequence[str]) -> str:
    """Pictures that changed there too: then somebody should look at the camera first."""
    rows = [row for row in _standing(connection, model) if row["state"] == "drift" and row["device"] in devices]
    of = sorted({Measure.of(row["measure"]).kind for row in rows if not is_of_model(Measure.of(row["measure"]))})
    return f". The pictures changed there too ({', '.join(of)}): look at the cameras first" if of else ""


def _standing(connection: Connection, model: str) -> list[RowMapping]:
    of = drift_standing.c
    return list(connection.execute(select(drift_standing).where(of.model == model, of.state != "learning")).mappings())


def _name(connection: Connection, model: str) -> str:
    row = connection.execute(select(models.c.name, models.c.version).where(models.c.digest == model)).one_or_none()
    return f"{row.name} {row.version}" if row else f"model {model[:19]}"


def open_calls(connection: Connection, limit: int = 50) -> list[dict[str, Any]]:
    """Newest first."""
    query = select(drift_calls).where(drift_calls.c.ended_us.is_(None)).order_by(drift_calls.c.number.desc()).limit(limit)
    return [{**row, "devices": json.loads(row["devices"])} for row in connection.execute(query).mappings()]
