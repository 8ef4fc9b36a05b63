"""Ledger: every step of every assignment as a row that is on the disk before the step is taken, each with the hash of the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from sqlite3 import Connection

from pydantic import JsonValue

from contracts.canonical import canonical
from contracts.update import UpdateCode, UpdateState
from device.update.state import State

FIRST = "0" * 64
MOST_ROWS = 28  # of one assignment: one that goes round and round is given up
ENDED = ("committed", "rejected")


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    work: int  # the row that began the assignment
    state: UpdateState
    code: UpdateCode | None
    body: Mapping[str, JsonValue]
    hash: str


class Ledger:
    """`add` is a commit of its own unless it is given a connection in one."""

    def __init__(self, state: State) -> None:
        self._state = state

    def begin(self, body: Mapping[str, JsonValue], connection: Connection) -> Row:
        """The first row of an assignment, in the same commit as whatever accepts it."""
        return self.write(connection, None, "offered", None, body)

    def add(self, work: int, state: UpdateState, code: UpdateCode | None, body: Mapping[str, JsonValue]) -> Row:
        """The last that an assignment can have is its end: one row is kept free for it."""
        with self._state.writing() as connection:
            return self.write(connection, work, state, code, body)

    def full(self, work: int) -> bool:
        with self._state.reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM ledger WHERE work = ?", (work,)).fetchone()
        return bool(count >= MOST_ROWS - 1)

    def last(self) -> Row | None:
        with self._state.reading() as connection:
            return self.newest(connection)

    def newest(self, connection: Connection) -> Row | None:
        return _row(connection.execute("SELECT * FROM ledger ORDER BY id DESC LIMIT 1").fetchone())

    def rows(self, newest: int = 1000) -> list[Row]:
        """In their order."""
        with self._state.reading() as connection:
            found = connection.execute("SELECT * FROM ledger ORDER BY id DESC LIMIT ?", (newest,)).fetchall()
        return [row for each in reversed(found) if (row := _row(each))]

    def head(self) -> str:
        row = self.last()
        return row.hash if row else FIRST

    def flaw(self) -> str:
        """Where the chain is broken, or nothing."""
        before = FIRST
        for row in self.rows(1 << 30):
            if row.hash != _hash(before, row.number, row.work, row.state, row.code, row.body):
                return f"row {row.number} is not what was written"
            before = row.hash
        return ""

    def write(
        self, connection: Connection, work: int | None, state: UpdateState, code: UpdateCode | None, body: Mapping[str, JsonValue]
    ) -> Row:
        """In the commit of something else; `work` None begins one."""
        found = connection.execute("SELECT id, hash FROM ledger ORDER BY id DESC LIMIT 1").fetchone()
        number, before = (found[0] + 1, found[1]) if found else (1, FIRST)
        begun = number if work is None else work
        text = canonical(dict(body)).decode().rstrip("\n")
        kept = json.loads(text)
        hashed = _hash(before, number, begun, state, code, kept)
        connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)", (number, begun, state, code, text, hashed))
        return Row(number, begun, state, code, kept, hashed)


def _hash(before: str, number: int, work: int, state: str, code: str | None, body: Mapping[str, JsonValue]) -> str:
    return sha256(canonical([before, number, work, state, code, dict(body)])).hexdigest()


def _row(found: tuple[int, int, UpdateState, UpdateCode | None, str, str] | None) -> Row | None:
    if found is None:
        return None
    number, work, state, code, body, hashed = found
    return Row(number, work, state, code, json.loads(body), hashed)
