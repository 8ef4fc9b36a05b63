"""Store: the SQLite file under the outbox; migrated forward, moved aside when unreadable, numbers that never go back."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError, StorageError
from contracts.files import write_durably

log = logging.getLogger(__name__)

PRIVATE = 0o640  # events say who was where
RESERVE = 1000  # numbers the floor is ahead, so that it is written once in so many messages
KEPT_ASIDE = 3
CHECKED_BYTES = 64 << 20  # a larger file is not read through at the start
LACKING = ("full", "disk i/o", "unable to open", "readonly", "locked", "out of memory")  # SQLite's words for a disk that refuses

MIGRATIONS = (
    """
    CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, life TEXT NOT NULL, boot TEXT NOT NULL,
                         mono_ns INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE history (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, camera TEXT NOT NULL, kind TEXT NOT NULL,
                          label TEXT, open INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE INDEX open_events ON history (number) WHERE open;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    """,
)


class Unreadable(Exception):
    """The file is no journal this software can read."""


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
            self._reader = _connect(path)
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

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; it is on disk when the block is left."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself when the disk was full
                self._writer.execute("ROLLBACK")
            raise

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


def lacking(error: BaseException) -> bool:
    """Whether the disk refuses (room, permission, I/O), rather than the content being wrong."""
    return isinstance(error, (OSError, StorageError)) or (
        isinstance(error, sqlite3.OperationalError) and any(word in str(error).lower() for word in LACKING)
    )


def set_aside(path: Path) -> Path:
    """Rename the file with its log; the newest few that were set aside are kept."""
    number = 1 + max((int(p.suffix[1:]) for p in path.parent.glob(f"{path.name}.unreadable.*") if p.suffix[1:].isdigit()), default=0)
    aside = path.with_name(f"{path.name}.unreadable.{number}")
    for tail in ("-wal", "-shm"):  # the log belongs to the old file: a new one must not find it
        with suppress(FileNotFoundError):
            path.with_name(path.name + tail).replace(aside.with_name(aside.name + tail))
    path.replace(aside)
    for old in path.parent.glob(f"{path.name}.unreadable.{number - KEPT_ASIDE}*"):
        log.warning("removed %s: newer ones are kept", old)
        old.unlink()
    return aside


def _open(path: Path, migrations: Sequence[str], floor: Floor) -> sqlite3.Connection:
    _made_private(path)
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        if path.stat().st_size <= CHECKED_BYTES and (fault := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Unreadable(fault)
        migrate(connection, path, migrations)
        _seed(connection, floor)
        connection.execute("SELECT count(*) FROM outbox, history, meta WHERE 0")  # a foreign file has no such tables
    except BaseException:
        connection.close()
        raise
    return connection


def _made_private(path: Path) -> None:
    """SQLite would follow a link; and gives the files beside the journal the journal's mode."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    try:
        mode = stat.S_IMODE(os.fstat(file).st_mode)
        if mode & ~PRIVATE and os.fstat(file).st_uid == os.geteuid():
            os.fchmod(file, mode & PRIVATE)
    finally:
        os.close(file)  # before SQLite opens it: closing any handle of a file lets go of this process's locks on it


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)


def _seed(connection: sqlite3.Connection, floor: Floor) -> None:
    """A journal that never numbered anything goes on where a lost one may have ended."""
    if connection.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'outbox'").fetchone() is None and floor.value:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (floor.value,))


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Bring the schema forward, each step whole or not at all; a copy of what was there stays beside it."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(migrations):
        raise Unreadable(f"it has schema {version}, written by newer software; this one knows {len(migrations)}")
    if 0 < version < len(migrations):
        kept = path.with_name(f"{path.name}.schema{version}")
        _made_private(kept)
        with closing(sqlite3.connect(kept)) as copy:
            connection.backup(copy)
    for number, step in enumerate(migrations[version:], version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


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
