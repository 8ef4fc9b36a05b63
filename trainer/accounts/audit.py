"""Audit: who did what, in one chain: a line that was changed or taken out afterwards is found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, RowMapping, select, text

from trainer.clock import Clock, wall_us
from trainer.store.account_tables import audit
from trainer.store.database import Database

LOCK = 0x7665646574746541  # of PostgreSQL, while a line is added: the chain has one end
FIRST = "0" * 64
LONGEST_DETAIL = 2000
CHAINED = ("number", "t_us", "who", "address", "action", "what", "detail")


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of it. `who` is empty for somebody nobody knows, `command line` for who sits at the machine."""

    number: int
    t_us: int
    who: str
    address: str
    action: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Actor:
    name: str
    address: str = ""


HERE = Actor("command line")


class Audit:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def note(self, actor: Actor, action: str, what: str = "", **detail: Any) -> None:
        with self._database.write() as connection:
            self.note_in(connection, actor, action, what, **detail)

    def note_in(self, connection: Connection, actor: Actor, action: str, what: str = "", **detail: Any) -> None:
        """In the transaction of the deed itself: both are there, or neither."""
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        last = connection.execute(select(audit.c.number, audit.c.chain).order_by(audit.c.number.desc()).limit(1)).one_or_none()
        row = {
            "number": last.number + 1 if last else 1,
            "t_us": wall_us(self._clock),
            "who": actor.name[:64],
            "address": actor.address[:64],
            "action": action[:64],
            "what": what[:200],
            "detail": json.dumps(detail, ensure_ascii=False, default=str)[:LONGEST_DETAIL] if detail else "",
        }
        connection.execute(audit.insert(), {**row, "chain": _chain(last.chain if last else FIRST, row)})

    def page(self, before: int | None = None, limit: int = 100, who: str = "", action: str = "") -> list[Deed]:
        """Newest first, of numbers below `before`."""
        query = select(*(audit.c[name] for name in CHAINED)).order_by(audit.c.number.desc()).limit(limit)
        for column, value in ((audit.c.who, who), (audit.c.action, action)):
            query = query.where(column == value) if value else query
        query = query if before is None else query.where(audit.c.number < before)
        with self._database.read() as connection:
            return [Deed(**row) for row in connection.execute(query).mappings()]

    def broken(self) -> int | None:
        """Number of the first line that is not what was written; None: the chain holds. What was cut off at its end cannot be seen."""
        chain, expected = FIRST, 1
        with self._database.read() as connection:
            rows = connection.execution_options(yield_per=1000).execute(select(audit).order_by(audit.c.number)).mappings()
            for row in rows:
                chain = _chain(chain, row)
                if row["number"] != expected or chain != row["chain"]:
                    return expected
                expected += 1
        return None


def _chain(before: str, row: Mapping[str, Any] | RowMapping) -> str:
    said: Sequence[Any] = [before, *(row[name] for name in CHAINED)]
    return sha256(json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()
