"""Models as the registry keeps them: newest first by key, who is champion of each name, and the verdict of each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from contracts.errors import VedetteError
from contracts.verdict import Verdict
from dataset.layout import read_small
from trainer.home import NAME, Home
from trainer.store.database import Database
from trainer.store.registry_tables import model_events, models, placements
from trainer.store.tables import devices

KEY = re.compile(r"(\d{1,17})\.(sha256:[0-9a-f]{64})")
LARGEST_VERDICT = 16 << 20
EVENTS, PLACES = 100, 200
SHOWN = [column for column in models.c if column.name not in {"card", "manifest"}]


@dataclass(frozen=True, slots=True)
class ModelSheet:
    """`judged` and `champion_judged` name the newest verdicts of the two."""

    row: RowMapping
    events: list[RowMapping]
    judged: str | None
    champion: RowMapping | None
    champion_judged: str | None
    places: list[RowMapping]


def model_page(database: Database, name: str, before: str, limit: int) -> list[RowMapping]:
    query = select(*SHOWN).order_by(models.c.added_us.desc(), models.c.digest.desc()).limit(limit)
    query = query.where(models.c.name == name) if name else query
    if key := KEY.fullmatch(before):
        added, digest = int(key[1]), key[2]
        earlier = models.c.added_us < added
        query = query.where(or_(earlier, and_(models.c.added_us == added, models.c.digest < digest)))
    with database.read() as connection:
        return list(connection.execute(query).mappings())


def key_of(row: RowMapping) -> str:
    return f"{row['added_us']}.{row['digest']}"


def known(database: Database, digests: list[str | None]) -> set[str]:
    """Which of them are in the registry: a parent need not be, such as the model that came with the product."""
    with database.read() as connection:
        return set(connection.execute(select(models.c.digest).where(models.c.digest.in_([each for each in digests if each]))).scalars())


def champions(database: Database) -> dict[str, str]:
    """Of each name the digest that holds the title now."""
    with database.read() as connection:
        last = select(model_events.c.name, func.max(model_events.c.number).label("number"))
        last = last.where(model_events.c.reign.is_not(None)).group_by(model_events.c.name)
        newest = last.subquery()
        query = select(model_events.c.name, model_events.c.model).join(newest, newest.c.number == model_events.c.number)
        reigning = {str(row.name): str(row.model) for row in connection.execute(query)}
        retired = _retired(connection, list(reigning.values()))
    return {name: digest for name, digest in reigning.items() if digest not in retired}


def answers(database: Database, digests: list[str]) -> dict[str, str]:
    """What the newest verdict of each says."""
    with database.read() as connection:
        return {digest: str(row["answer"]) for digest, row in _judged(connection, digests).items()}


def _judged(connection: Connection, digests: list[str]) -> dict[str, RowMapping]:
    query = select(model_events.c.model, model_events.c.answer, model_events.c.verdict).order_by(model_events.c.number)
    query = query.where(model_events.c.model.in_(digests), model_events.c.kind == "judged")
    return {str(row["model"]): row for row in connection.execute(query).mappings()}


def _retired(connection: Connection, digests: list[str]) -> set[str]:
    query = select(model_events.c.model).where(model_events.c.kind == "retired", model_events.c.model.in_(digests))
    return set(connection.execute(query).scalars())


def model_sheet(database: Database, digest: str) -> ModelSheet | None:
    reigning = champions(database)
    with database.read() as connection:
        row = connection.execute(select(models).where(models.c.digest == digest)).mappings().one_or_none()
        if row is None:
            return None
        told = select(model_events).where(model_events.c.model == digest).order_by(model_events.c.number.desc()).limit(EVENTS)
        events = list(connection.execute(told).mappings())
        best = reigning.get(row["name"])
        champion = connection.execute(select(*SHOWN).where(models.c.digest == best)).mappings().one_or_none() if best else None
        judged = {name: row["verdict"] for name, row in _judged(connection, [digest, *([best] if best else [])]).items()}
        spans = func.min(placements.c.from_us).label("from_us"), func.max(placements.c.to_us).label("to_us")
        where = select(devices.c.name, *spans).join(devices, devices.c.number == placements.c.device)
        where = where.where(placements.c.model == digest).group_by(devices.c.name).order_by(func.max(placements.c.to_us).desc())
        places = list(connection.execute(where.limit(PLACES)).mappings())
    return ModelSheet(row, events, judged.get(digest), champion, judged.get(best) if best else None, places)


def verdict_of(home: Home, name: str | None) -> Verdict | None:
    """By the name of its file; None for one that is not there or is none."""
    if not name or not NAME.fullmatch(name):
        return None
    try:
        return Verdict.model_validate_json(read_small(home.verdicts / f"{name}.json", LARGEST_VERDICT))
    except (VedetteError, ValueError, RecursionError):
        return None
