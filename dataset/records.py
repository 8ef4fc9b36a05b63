"""Records: a line of the manifest read with care, and what each adds to the index."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from uuid import UUID, uuid5

from pydantic import ValidationError

from contracts.dataset import Record
from contracts.event import NAMESPACE
from dataset.lines import intact
from dataset.phash import NearIndex

REMOVED = "removed"  # the action_type of a tombstone
MACHINES = {"detection", "template_match"}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def read_record(text: bytes | None) -> Record | None:
    """None: damaged, or not a record of ours."""
    good = intact(text)
    if good is None:
        return None
    try:
        record = Record.model_validate_json(good)
    except (ValidationError, RecursionError):
        return None
    own = f"images/{record.image_id}.png", f"annotations/{record.image_id}.json"
    return record if (record.image, record.annotations) == own else None


def record_id(session: str, *names: str) -> UUID:
    """The same for the same thing said again, so that a film replayed into a data set adds nothing to it."""
    return uuid5(NAMESPACE, "|".join(("record", session, *names)))


def tombstone(last: Record, at_byte: int, why: str, at: datetime) -> Record:
    """The record that a picture was removed; `last` is the last one of it."""
    return last.model_copy(
        update={
            "id": record_id("", REMOVED, last.image_id, str(at_byte)),
            "action_id": "",
            "action_type": REMOVED,
            "timestamp": at,
            "active_states": [],
            "source": why,
            "is_new": False,
            "reviewed": False,
            "labels": [],
            "exhaustive_for": [],
            "ignore": [],
            "success": None,
            "reason": why,
            "sampling_probability": 1.0,
            "session": "",
            "pts_ns": None,
            "skipped_before": {},
        }
    )


def since_removal(records: Sequence[Record]) -> list[Record]:
    """Those behind the last tombstone: what was said of a picture that was removed no longer counts."""
    kept: list[Record] = []
    for record in records:
        if record.action_type == REMOVED:
            kept.clear()
        else:
            kept.append(record)
    return kept


def micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


@dataclass(slots=True)
class Sums:
    """What many records add to the totals, put into the index once."""

    counts: Counter[str] = field(default_factory=Counter)
    sessions: dict[str, tuple[int, int]] = field(default_factory=dict)  # first and last time, microseconds

    def add(self, record: Record) -> None:
        _count(record, self.counts)
        at = micros(record.timestamp)
        first, last = self.sessions.get(record.session, (at, at))
        self.sessions[record.session] = (min(first, at), max(last, at))

    def save(self, rows: sqlite3.Connection) -> None:
        put = "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n"
        rows.executemany(put, [(name, n) for name, n in self.counts.items() if n])
        put = (
            "INSERT INTO sessions VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)"
        )
        rows.executemany(put, [(name, first, last) for name, (first, last) in self.sessions.items()])


def apply(rows: sqlite3.Connection, record: Record, seq: int, start: int, sums: Sums) -> None:
    """Into the tables of the index. A record whose id was there before says nothing new."""
    key = bytes.fromhex(record.image_id)
    if rows.execute("SELECT 1 FROM records WHERE id = ?", (record.id.bytes,)).fetchone():
        sums.counts["repeated"] += 1
        return
    known = rows.execute("SELECT n, phash, head, removed FROM images WHERE id = ?", (key,)).fetchone()
    if record.action_type == REMOVED:
        if known is not None:
            _bury(rows, known[0], known[1], known[2], seq)
            rows.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (seq, start, known[0], record.id.bytes))
        return
    number = known[0] if known else None
    if number is None or known[3]:
        number = _bear(rows, record, key, number, seq)
    else:
        facts = (seq, record.bytes, len(record.labels), number)
        rows.execute("UPDATE images SET last = ?, bytes = ?, boxes = boxes + ? WHERE n = ?", facts)
    rows.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (seq, start, number, record.id.bytes))
    rows.execute("INSERT OR REPLACE INTO stale VALUES (?, 0)", (number,))
    sums.add(record)


def _bear(rows: sqlite3.Connection, record: Record, key: bytes, number: int | None, seq: int) -> int:
    """A picture that is new, or comes again after it was removed."""
    value, head = int(record.phash, 16), record.near_duplicate_of is None
    facts = (value.to_bytes(8, "big"), head, record.bytes, seq, len(record.labels), seq, micros(record.timestamp))
    if number is None:
        put = "INSERT INTO images (id, phash, head, bytes, last, boxes, first, us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        number = rows.execute(put, (key, *facts)).lastrowid
        assert number is not None  # noqa: S101  an INSERT has one
    else:
        put = "UPDATE images SET phash = ?, head = ?, bytes = ?, last = ?, boxes = ?, first = ?, us = ?, removed = 0 WHERE n = ?"
        rows.execute(put, (*facts, number))
    if head:
        NearIndex(rows).add(number, value)
    return number


def _bury(rows: sqlite3.Connection, number: int, value: bytes, head: int, seq: int) -> None:
    rows.execute("UPDATE images SET removed = 1, head = 0, last = ?, acked = max(acked, ?) WHERE n = ?", (seq, seq, number))
    rows.execute("INSERT OR REPLACE INTO stale VALUES (?, 0)", (number,))
    if head:
        NearIndex(rows).remove(number, int.from_bytes(value, "big"))


def _count(record: Record, counts: Counter[str]) -> None:
    sources = {label.source for label in record.labels}
    counts["records"] += 1
    counts["matches"] += bool(sources & MACHINES)
    counts["clicks"] += any(label.point is not None for label in record.labels)
    counts["near"] += record.is_new and record.near_duplicate_of is not None
    counts[f"kept:{record.reason}"] += 1
    for reason, number in record.skipped_before.items():
        counts[f"skipped:{reason}"] += number
