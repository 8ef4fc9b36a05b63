"""Spool: rows that wait on disk, in a private database that ends with the process, so that joining a million needs no memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType

from contracts.errors import StorageError

BATCH = 2_000


class Spool:
    """A temporary SQLite file without a name (in TMPDIR); `add` gathers rows, `rows` gives them back in an order."""

    def __init__(self, **tables: str) -> None:
        """`Spool(images="id INTEGER PRIMARY KEY, body TEXT")`."""
        try:
            self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-4000", "temp_store=FILE"):
                self._db.execute(f"PRAGMA {pragma}")
            for name, columns in tables.items():
                self._db.execute(f"CREATE TABLE {name} ({columns})")
        except sqlite3.Error as error:
            raise StorageError(f"temporary folder: {error}; set TMPDIR to one with room") from error
        self._waiting: dict[str, list[tuple[object, ...]]] = {}

    def add(self, table: str, *row: object) -> None:
        waiting = self._waiting.setdefault(table, [])
        waiting.append(row)
        if len(waiting) >= BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._waiting.pop(table, [])
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        self._run("BEGIN")
        try:
            self._db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608 (a table's name of ours)
        except sqlite3.Error as error:
            raise StorageError(f"temporary folder: {error}; set TMPDIR to one with room") from error
        self._run("COMMIT")

    def _run(self, statement: str, values: Iterable[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, tuple(values))
        except sqlite3.Error as error:
            raise StorageError(f"temporary folder: {error}; set TMPDIR to one with room") from error

    def run(self, statement: str, *values: object) -> None:
        """Everything added before is seen."""
        self.settle()
        self._run(statement, values)

    def rows(self, query: str, *values: object) -> Iterator[tuple[object, ...]]:
        """Row by row; several may be read at once."""
        self.settle()
        yield from self._run(query, values)

    def value(self, query: str, *values: object) -> object:
        return next(self.rows(query, *values), (None,))[0]

    def count(self, table: str) -> int:
        return int(str(self.value(f"SELECT count(*) FROM {table}")))  # noqa: S608 (a table's name of ours)

    def settle(self) -> None:
        for table in list(self._waiting):
            self._flush(table)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
