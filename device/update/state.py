"""State: the one SQLite file of updates, floors and ledger together, each commit on the disk before anybody acts on it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import StorageError
from device.pipeline.sqlite_file import Unreadable, opened, transaction

MIGRATIONS = (
    """
    CREATE TABLE floors (role TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE times (name TEXT PRIMARY KEY, wall_ns INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE words (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, work INTEGER NOT NULL, state TEXT NOT NULL, code TEXT, body TEXT NOT NULL, hash TEXT NOT NULL
    );
    CREATE INDEX ledger_work ON ledger (work)
    """,
)
CHECKED_BYTES = 64 << 20
WAIT_S = 10.0


def put_word(connection: sqlite3.Connection, name: str, text: str) -> None:
    connection.execute("INSERT INTO words VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text", (name, text))


class State:
    """Never set aside and begun anew when it cannot be read: then old releases would be accepted again. The owner decides that."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            self._connection = opened(path, MIGRATIONS, "floors, times, words, ledger", wait_s=WAIT_S, checked_bytes=CHECKED_BYTES)
        except (OSError, sqlite3.Error, Unreadable) as error:
            mend = "nothing is installed until it can be read; mend the disk, or remove the file and old releases are accepted again"
            raise StorageError(f"{path}: {error}; {mend}") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """On the disk when the block is left. StorageError when the disk refuses."""
        with self._lock, self._seam(), transaction(self._connection) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._seam():
            yield self._connection

    def word(self, name: str) -> str | None:
        """A text that is kept under a name."""
        with self.reading() as connection:
            row = connection.execute("SELECT text FROM words WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _seam(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}; free some room or mend the disk") from error
