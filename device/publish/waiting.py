"""Waiting: journalled messages the broker has not acknowledged, as rows; oldest updates are shed first when there is no room."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from contracts.event import Event
from device.publish.store import Store

INSERT = "INSERT INTO outbox (life, boot, mono_ns, body) VALUES (?, ?, ?, ?)"
PENDING = "SELECT seq, boot, mono_ns, body FROM outbox WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
OLDEST_UPDATES = "SELECT seq, length(body) FROM outbox WHERE life = 'update' ORDER BY seq"
OLDEST = "SELECT seq, length(body) FROM outbox ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A journalled message; `body` is its envelope but for `seq` and `replay`, which are known when it is sent."""

    seq: int
    boot: str
    mono_ns: int
    body: str

    def payload(self, replay: bool) -> bytes:
        return _whole(self.body, str(self.seq), replay)


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A message the disk has not taken yet; sent from memory it has no `seq`, and comes again with one under the same id."""

    id: str
    event: Event
    mono_ns: int
    body: str

    def payload(self) -> bytes:
        return _whole(self.body, "null", replay=False)


def _whole(body: str, seq: str, replay: bool) -> bytes:
    return f'{body[:-1]},"seq":{seq},"replay":{"true" if replay else "false"}}}'.encode()


def give_up_one(batch: list[Unsaved]) -> None:
    """Lose the oldest update, or where there is none the oldest of all."""
    del batch[next((i for i, message in enumerate(batch) if message.event.life == "update"), 0)]


@dataclass(frozen=True, slots=True)
class Gone:
    """A row that was deleted."""

    seq: int
    size: int


def insert(db: sqlite3.Connection, message: Unsaved, boot: str) -> int:
    """The number it got."""
    return db.execute(INSERT, (message.event.life, boot, message.mono_ns, message.body)).lastrowid or 0


def pending(store: Store, seqs: tuple[int, int], limit: int, acked: Collection[int]) -> list[Waiting]:
    """Rows with seqs[0] < seq <= seqs[1] that are not in `acked`, in order."""
    found: list[Waiting] = []
    after, upto = seqs
    while len(found) < limit and (rows := store.read(PENDING, after, upto, limit)):
        found += [Waiting(*row) for row in rows if row[0] not in acked]
        after = rows[-1][0]
    return found[:limit]


def totals(store: Store) -> tuple[int, int]:
    """How many wait, and their bytes."""
    depth, size = store.read("SELECT count(*), coalesce(sum(length(body)), 0) FROM outbox")[0]
    return depth, size


def delete(db: sqlite3.Connection, seqs: Sequence[int]) -> list[Gone]:
    """Delete rows; what was there."""
    found = [db.execute("SELECT seq, length(body) FROM outbox WHERE seq = ?", (seq,)).fetchone() for seq in seqs]
    return _delete(db, [Gone(*row) for row in found if row])


def shed(db: sqlite3.Connection, excess: int) -> list[Gone]:
    """Give up at least `excess` bytes: the oldest updates first (their event's end tells more), then the oldest of all."""
    gone: list[Gone] = []
    for sql in (OLDEST_UPDATES, OLDEST):
        chosen: list[Gone] = []
        for row in db.execute(sql) if excess > 0 else ():
            if excess <= 0:
                break
            chosen.append(Gone(*row))
            excess -= chosen[-1].size
        gone += _delete(db, chosen)
    return gone


def _delete(db: sqlite3.Connection, gone: list[Gone]) -> list[Gone]:
    db.executemany("DELETE FROM outbox WHERE seq = ?", [(row.seq,) for row in gone])
    return gone


def shed_before(store: Store) -> tuple[int, int]:
    """How many were shed since the journal began, and the highest number among them."""
    meta = dict(store.read("SELECT key, value FROM meta"))
    return meta.get("shed", 0), meta.get("shed_to", 0)


def remember_shed(db: sqlite3.Connection, shed_count: int, shed_to: int) -> None:
    db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [("shed", shed_count), ("shed_to", shed_to)])
