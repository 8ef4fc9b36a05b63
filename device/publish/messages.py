"""Messages: the last messages of all events by their number, so that who was away is told what he missed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.event import Event
from device.publish.outbox_options import Options
from device.publish.store import Store

MOST_READ = 1 << 20  # characters that one reading brings into memory; a single longer message comes all the same
SLACK = 16  # deleting touches other pages than writing: it is done once so much of the bound is too much, not with every commit
INSERT = "INSERT INTO messages (seq, camera, kind, label, body, head) VALUES (?, ?, ?, ?, ?, ?)"
SIZES = "SELECT seq, length(body) FROM messages WHERE seq > ? ORDER BY seq LIMIT ?"
BETWEEN = "SELECT seq, camera, kind, label, body FROM messages WHERE seq > ? AND seq <= ? ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an event's life under its number; `body` is the event as JSON."""

    seq: int
    camera: str
    kind: str
    label: str | None
    body: str


def keep(db: sqlite3.Connection, told: Iterable[tuple[int, Event, str]], size: int, options: Options) -> int:
    """Write messages under their numbers, with what was around them, and let the oldest go; `size` was there, returned is what is."""
    for seq, event, head in told:
        body = event.model_dump_json()
        db.execute(INSERT, (seq, event.camera, event.kind, event.label, body, head))
        size += len(body)
    first, last = db.execute("SELECT (SELECT min(seq) FROM messages), (SELECT max(seq) FROM messages)").fetchone()
    if first is None:
        return 0
    upto = last - options.messages if last - first >= options.messages + options.messages // SLACK else 0
    if size > options.messages_bytes:
        upto = max(upto, _oldest(db, size - options.messages_bytes + options.messages_bytes // SLACK))
    return size - _drop(db, upto) if upto else size


def _oldest(db: sqlite3.Connection, excess: int) -> int:
    """The number up to which so many bytes lie."""
    for seq, length in db.execute("SELECT seq, length(body) FROM messages ORDER BY seq"):
        excess -= length
        if excess <= 0:
            return int(seq)
    return 1 << 62


def _drop(db: sqlite3.Connection, upto: int) -> int:
    """How much that was."""
    (gone,) = db.execute("SELECT coalesce(sum(length(body)), 0) FROM messages WHERE seq <= ?", (upto,)).fetchone()
    db.execute("DELETE FROM messages WHERE seq <= ?", (upto,))
    return int(gone)


def total(store: Store) -> int:
    return int(store.read("SELECT coalesce(sum(length(body)), 0) FROM messages")[0][0])


def since(store: Store, after: int, limit: int) -> list[Message]:
    """The next messages after that number, in order: not more of them than memory should hold at a time, and one at least."""
    upto, size = after, 0
    for seq, length in store.read(SIZES, after, limit):
        size += length
        if size > MOST_READ and upto > after:
            break
        upto = seq
    return [Message(*row) for row in store.read(BETWEEN, after, upto)]


def first(store: Store) -> int | None:
    """The oldest number that is kept."""
    return store.read("SELECT min(seq) FROM messages")[0][0]  # type: ignore[no-any-return]  # an integer or NULL
