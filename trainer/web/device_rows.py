"""Boxes as the store knows them: a page of them by name, and all of one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import RowMapping, func, select

from contracts.dsse import DIGEST
from contracts.update import UpdateReport
from trainer.store.database import Database
from trainer.store.registry_tables import models
from trainer.store.tables import devices, events, gaps, reports

STATES = ("online", "offline", "lost")
REPORTS, GAPS = 1, 50
COLUMNS = ("name", "state", "state_us", "last_us", "first_us", "software", "profile")


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """`missing`: numbers of messages that did not come (yet)."""

    name: str
    state: str
    state_us: int | None
    last_us: int
    first_us: int
    software: str
    profile: str
    model: str | None
    event_us: int | None
    missing: int


@dataclass(frozen=True, slots=True)
class DeviceSheet:
    """All of one box."""

    row: DeviceRow
    number: int
    info: dict[str, Any]
    health: dict[str, Any]
    health_us: int | None
    update: UpdateReport | None
    unread: bool  # it said something of its updates, and it cannot be read
    gaps: list[RowMapping]


def device_counts(database: Database) -> dict[str, int]:
    query = select(devices.c.state, func.count()).group_by(devices.c.state)
    with database.read() as connection:
        return {str(state) or "unknown": int(count) for state, count in connection.execute(query)}


def device_page(database: Database, after: str, limit: int, prefix: str = "", state: str = "") -> list[DeviceRow]:
    """By name, of names above `after`."""
    query = select(devices).where(devices.c.name > after).order_by(devices.c.name).limit(limit)
    if prefix:
        query = query.where(devices.c.name >= prefix, devices.c.name < prefix + "\U0010ffff")
    query = query.where(devices.c.state == state) if state in STATES else query
    with database.read() as connection:
        found = list(connection.execute(query).mappings())
        numbers = [row["number"] for row in found]
        open_gaps = (gaps.c.device.in_(numbers), gaps.c.state == "open")
        lost = select(gaps.c.device, func.sum(gaps.c.last - gaps.c.first + 1)).where(*open_gaps).group_by(gaps.c.device)
        missing = {int(device): int(count) for device, count in connection.execute(lost)}
        newest = select(func.max(events.c.start_us)).where(events.c.device == devices.c.number).scalar_subquery()
        last = {int(n): t for n, t in connection.execute(select(devices.c.number, newest).where(devices.c.number.in_(numbers)))}
    return [_row(row, last.get(row["number"]), missing.get(row["number"], 0)) for row in found]


def _row(row: RowMapping, event_us: int | None, missing: int) -> DeviceRow:
    model = read_object(row["info"]).get("model")
    told = {name: row[name] for name in COLUMNS}
    return DeviceRow(**told, model=model if isinstance(model, str) else None, event_us=event_us, missing=missing)


def device_sheet(database: Database, name: str) -> DeviceSheet | None:
    with database.read() as connection:
        row = connection.execute(select(devices).where(devices.c.name == name)).mappings().one_or_none()
        if row is None:
            return None
        number = row["number"]
        said = {}
        for kind in ("health", "update"):
            mine = select(reports.c.t_us, reports.c.body).where(reports.c.device == number, reports.c.kind == kind)
            said[kind] = connection.execute(mine.order_by(reports.c.number.desc()).limit(REPORTS)).one_or_none()
        event_us = connection.execute(select(func.max(events.c.start_us)).where(events.c.device == number)).scalar_one()
        kept = select(gaps).where(gaps.c.device == number, gaps.c.state != "filled").order_by(gaps.c.number.desc()).limit(GAPS)
        holes = list(connection.execute(kept).mappings())
        missing = sum(hole["last"] - hole["first"] + 1 for hole in holes if hole["state"] == "open")
    health, update = said["health"], said["update"]
    return DeviceSheet(
        _row(row, event_us, missing), number, read_object(row["info"]), read_object(health.body if health else None),
        health.t_us if health else None, told := read_update(update.body if update else None), update is not None and told is None, holes,
    )  # fmt: skip


def read_update(text: str | None) -> UpdateReport | None:
    """None: nothing, or nothing that can be read."""
    try:
        return UpdateReport.model_validate(read_object(text)) if text else None
    except (ValidationError, RecursionError):
        return None


def model_names(database: Database, digests: Iterable[str | None]) -> dict[str, str]:
    """Of those that the registry knows: what people call them."""
    wanted = {each for each in digests if each and re.fullmatch(DIGEST.strip("^$"), each)}
    query = select(models.c.digest, models.c.name, models.c.version).where(models.c.digest.in_(wanted))
    with database.read() as connection:
        return {digest: f"{name} {version}" for digest, name, version in connection.execute(query)}


def read_object(text: str | None) -> dict[str, Any]:
    """What a message said: its `data` where it is kept with its envelope. What is no object says nothing."""
    try:
        said = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    inner = said.get("data")
    return inner if isinstance(inner, dict) and "type" in said else said
