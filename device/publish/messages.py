"""Messages: the last messages of all events by their number, so that who was away is told what he missed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from contracts.event import Event
from device.publish.store import Store

INSERT = "INSERT INTO messages (seq, camera, kind, label, body) VALUES (?, ?, ?, ?, ?)"
SINCE = "SELECT seq, camera, kind, label, body FROM messages WHERE seq > ? ORDER BY seq LIMIT ?"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an event's life under its number; `body` is the event as JSON."""

    seq: int
    camera: str
    kind: str
    label: str | None
    body: str


def keep(db: sqlite3.Connection, seq: int, event: Event) -> None:
    db.execute(INSERT, (seq, event.camera, event.kind, event.label, event.model_dump_json()))


def prune(db: sqlite3.Connection, limit: int) -> None:
    """Keep the newest `limit`."""
    db.execute("DELETE FROM messages WHERE seq <= (SELECT max(seq) FROM messages) - ?", (limit,))


def since(store: Store, after: int, limit: int) -> list[Message]:
    """The next messages after that number, in order."""
    return [Message(*row) for row in store.read(SINCE, after, limit)]


def first(store: Store) -> int | None:
    """The oldest number that is kept."""
    return store.read("SELECT min(seq) FROM messages")[0][0]  # type: ignore[no-any-return]  # an integer or NULL
