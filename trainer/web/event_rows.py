"""Events of all boxes, a page at a time by key, newest first; a filter that fits little never reads more than its share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, and_, or_, select

from trainer.store.database import Database
from trainer.store.tables import devices, events

LOOKED_AT = 10_000  # events that one page looks at, at most, where no index answers
KEY = re.compile(r"(\d{1,17})\.(\d{1,17})\.([0-9a-f-]{36})")
COLUMNS = (
    devices.c.name.label("device_name"), events.c.device, events.c.event, events.c.kind, events.c.camera, events.c.label,
    events.c.confidence, events.c.life, events.c.start_us, events.c.end_us, events.c.model,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """The place of an event among all, newest first."""

    start_us: int
    device: int
    event: str

    def text(self) -> str:
        return f"{self.start_us}.{self.device}.{self.event}"


@dataclass(frozen=True, slots=True)
class Wanted:
    device: int | None = None
    kind: str = ""
    label: str = ""
    camera: str = ""
    before_us: int | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """`older`: key for the next page; None: that was all. `looked_us`: the page is not full, but older ones were not looked at yet."""

    rows: list[RowMapping]
    older: Key | None
    looked_us: int | None = None


def read_key(text: str | None) -> Key | None:
    """None for what is no key: the page begins with the newest."""
    found = KEY.fullmatch(text or "")
    return Key(int(found[1]), int(found[2]), found[3]) if found else None


def event_page(database: Database, wanted: Wanted, before: Key | None, limit: int) -> EventPage:
    order = (events.c.start_us.desc(), events.c.device.desc(), events.c.event.desc())
    query = select(events).order_by(*order)
    for narrow in _narrowing(wanted, before):
        query = query.where(narrow)
    loose = _loose(wanted)
    window = query.limit(LOOKED_AT if loose else limit + 1).subquery()
    shown = [window.c[column.name] for column in COLUMNS[1:]]
    page = select(devices.c.name.label("device_name"), *shown).join(devices, devices.c.number == window.c.device)
    for name, value in loose.items():
        page = page.where(window.c[name] == value)
    page = page.order_by(window.c.start_us.desc(), window.c.device.desc(), window.c.event.desc()).limit(limit + 1)
    with database.read() as connection:
        rows = list(connection.execute(page).mappings())
        edge = None
        if loose and len(rows) <= limit:
            edge = connection.execute(select(window.c.start_us, window.c.device, window.c.event).offset(LOOKED_AT - 1)).one_or_none()
    if len(rows) > limit:
        return EventPage(rows[:limit], _key(rows[limit - 1]))
    return EventPage(rows, Key(edge.start_us, edge.device, edge.event), edge.start_us) if edge else EventPage(rows, None)


def _key(row: RowMapping) -> Key:
    return Key(row["start_us"], row["device"], row["event"])


def _narrowing(wanted: Wanted, before: Key | None) -> list[Any]:
    """What an index answers: the box, or else the label, or else the kind; with the time."""
    found = []
    if wanted.device is not None:
        found.append(events.c.device == wanted.device)
    elif wanted.label:
        found.append(events.c.label == wanted.label)
    elif wanted.kind:
        found.append(events.c.kind == wanted.kind)
    if wanted.before_us is not None:
        found.append(events.c.start_us < wanted.before_us)
    if before is not None:
        earlier = events.c.start_us < before.start_us
        same = and_(events.c.start_us == before.start_us, events.c.device < before.device)
        last = and_(events.c.start_us == before.start_us, events.c.device == before.device, events.c.event < before.event)
        found += [events.c.start_us <= before.start_us, or_(earlier, same, last)]
    return found


def _loose(wanted: Wanted) -> dict[str, str]:
    """What is looked for among those."""
    found = {"camera": wanted.camera}
    if wanted.device is not None:
        found |= {"label": wanted.label, "kind": wanted.kind}
    elif wanted.label:
        found |= {"kind": wanted.kind}
    return {name: value for name, value in found.items() if value}


def one_event(database: Database, device: str, event: str) -> RowMapping | None:
    query = select(*COLUMNS, events.c.body, events.c.t_us).join(devices, devices.c.number == events.c.device)
    with database.read() as connection:
        return connection.execute(query.where(devices.c.name == device, events.c.event == event)).mappings().one_or_none()


def device_number(database: Database, name: str) -> int | None:
    with database.read() as connection:
        return connection.execute(select(devices.c.number).where(devices.c.name == name)).scalar_one_or_none()
