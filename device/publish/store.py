"""Store: the SQLite file under the outbox; migrated forward, moved aside when unreadable, numbers that never go back."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError
from contracts.files import write_durably
from device.pipeline.sqlite_file import PRIVATE, Unreadable, connected, lacking, opened, set_aside, transaction

log = logging.getLogger(__name__)

RESERVE = 1000  # numbers the floor is ahead, so that it is written once in so many messages
WAIT_S = 2.0  # for another process that reads or copies the file
CHECKED_BYTES = 64 << 20  # a larger file is not read through at the start

MIGRATIONS = (
    """
    CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, life TEXT NOT NULL, boot TEXT NOT NULL,
                         mono_ns INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE history (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, camera TEXT NOT NULL, kind TEXT NOT NULL,
                          label TEXT, open INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE INDEX open_events ON history (number) WHERE open;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE messages (seq INTEGER PRIMARY KEY, camera TEXT NOT NULL, kind TEXT NOT NULL, label TEXT, body TEXT NOT NULL);
    """,
    """
    ALTER TABLE messages ADD COLUMN head TEXT;
    """,
)


class Store:
    """One connection writes (one thread), one reads (any thread); a lock file keeps a second process out."""

    def __init__(self, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
        self.path = path
        self.report = ""  # what had to be done to open it, for the owner
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock(path.with_suffix(".lock"))
        try:
            self.floor = Floor(path.with_suffix(".floor"))
            self._writer = self._open(migrations)
            self._reader = connected(path, WAIT_S)
            self._reader.execute("PRAGMA query_only = 1")
        except BaseException:
            os.close(self._lock_file)
            raise
        self._reading = threading.Lock()

    def _open(self, migrations: Sequence[str]) -> sqlite3.Connection:
        try:
            return _open(self.path, migrations, self.floor)
        except (sqlite3.DatabaseError, Unreadable) as error:
            if lacking(error):
                raise
            aside = set_aside(self.path)
            self.report = (
                f"{self.path} could not be read ({error}); it was kept as {aside.name} and a new journal begun: "
                f"what it had not delivered is missing, numbers go on after {self.floor.value}"
            )
            log.error(self.report)
            return _open(self.path, migrations, self.floor)

    def write(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction; it is on disk when the block is left."""
        return transaction(self._writer)

    def read(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._reader.execute(sql, arguments).fetchall()

    def last_seq(self) -> int:
        row = self._writer.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        with self._reading:
            for connection in (self._reader, self._writer):
                with suppress(sqlite3.Error):  # closing checkpoints; a full disk leaves that to the next start
                    connection.close()
        os.close(self._lock_file)


class Floor:
    """A number in a file of its own: every number up to it may have been given out. It only goes up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.value = 0
        with suppress(FileNotFoundError, ValueError):
            self.value = int(path.read_text())

    def reserve(self, seq: int) -> None:
        """Call before `seq` is given out."""
        if seq <= self.value:
            return
        write_durably(self._path, str(seq + RESERVE).encode(), PRIVATE)
        self.value = seq + RESERVE


def _open(path: Path, migrations: Sequence[str], floor: Floor) -> sqlite3.Connection:
    connection = opened(path, migrations, "outbox, history, meta, messages", wait_s=WAIT_S, checked_bytes=CHECKED_BYTES)
    try:
        _seed(connection, floor)
    except BaseException:
        connection.close()
        raise
    return connection


def _seed(connection: sqlite3.Connection, floor: Floor) -> None:
    """A journal that never numbered anything goes on where a lost one may have ended."""
    if connection.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'outbox'").fetchone() is None and floor.value:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (floor.value,))


def _lock(path: Path) -> int:
    """Hold the lock file of this journal, or say who must give way."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        if isinstance(error, BlockingIOError):
            raise ConfigError(
                f"data folder {path.parent}: another Vedette is writing there; stop it or give this one another folder"
            ) from None
        raise
    return file
