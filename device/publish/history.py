"""History: the latest state of each event, written with the message that brought it; open ones are known after a crash."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from uuid import UUID

from contracts.event import Event
from device.publish.store import Store

UPSERT = """
INSERT INTO history (id, camera, kind, label, open, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET label = excluded.label, open = excluded.open, body = excluded.body
"""
ENDS = "SELECT (SELECT number FROM history WHERE NOT open ORDER BY number LIMIT 1), (SELECT max(number) FROM history)"
SLACK = 16  # so much of the bound is too much before anything is deleted: that touches other pages than writing


@dataclass(frozen=True, slots=True)
class Past:
    """An event's latest state; `number` counts events as they began, the page asks for what is `before` one."""

    number: int
    event: Event


def keep(connection: sqlite3.Connection, event: Event) -> None:
    row = (str(event.id), event.camera, event.kind, event.label, event.life != "end", event.model_dump_json())
    connection.execute(UPSERT, row)


def prune(connection: sqlite3.Connection, limit: int) -> None:
    """Keep the newest `limit` events, and some more for a while; open ones stay, they still need an end."""
    oldest, newest = connection.execute(ENDS).fetchone()
    if oldest is not None and newest - oldest >= limit + limit // SLACK:
        connection.execute("DELETE FROM history WHERE NOT open AND number <= (SELECT max(number) FROM history) - ?", (limit,))


def interrupted(store: Store) -> list[Event]:
    """The ends of events that never got one, because the process died: at the last time anything was known."""
    rows = store.read("SELECT body FROM history WHERE open ORDER BY number")
    left = [Event.model_validate_json(body) for (body,) in rows]
    return [e.model_copy(update={"life": "end", "end": max(e.start, e.t), "data": {**e.data, "reason": "interrupted"}}) for e in left]


def recent(
    store: Store,
    limit: int = 50,
    before: int | None = None,
    *,
    camera: str | None = None,
    label: str | None = None,
    kind: str | None = None,
) -> list[Past]:
    """Newest first; the last one's number is the next page's `before`."""
    wanted = {"camera = ?": camera, "label = ?": label, "kind = ?": kind, "number < ?": before}
    clauses = {clause: value for clause, value in wanted.items() if value is not None}
    where = " AND ".join(clauses) or "1"
    sql = f"SELECT number, body FROM history WHERE {where} ORDER BY number DESC LIMIT ?"  # noqa: S608 - clauses are constants above
    rows = store.read(sql, *clauses.values(), limit)
    return [Past(number, Event.model_validate_json(body)) for number, body in rows]


def find(store: Store, event_id: UUID) -> Event | None:
    rows = store.read("SELECT body FROM history WHERE id = ?", str(event_id))
    return Event.model_validate_json(rows[0][0]) if rows else None
