"""IndexFile: the SQLite file under the index; migrated forward with a copy, set aside when unreadable, in memory when the disk refuses."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from contracts.errors import StorageError

log = logging.getLogger(__name__)

PRIVATE = 0o640  # clips say who was where
KEPT_ASIDE = 3
WAIT_S = 10.0  # for another process that writes: `vedette clips` beside the appliance
LACKING = ("full", "disk i/o", "unable to open", "readonly", "locked", "out of memory")  # SQLite's words for a disk that refuses
MEMORY = ":memory:"

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE folders (number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, day TEXT NOT NULL, settled_ns INTEGER NOT NULL);
    CREATE TABLE clips (number INTEGER PRIMARY KEY, id BLOB NOT NULL, folder INTEGER NOT NULL, name TEXT NOT NULL,
                        camera TEXT NOT NULL, recording BLOB, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
                        bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, state TEXT NOT NULL, events INTEGER NOT NULL,
                        pinned INTEGER NOT NULL, going TEXT, manifest_bytes INTEGER NOT NULL, manifest_ns INTEGER NOT NULL,
                        verified_us INTEGER, UNIQUE (folder, name));
    CREATE INDEX by_start ON clips (start_us, id);
    CREATE INDEX by_camera ON clips (camera, start_us, id, bytes);
    CREATE INDEX by_id ON clips (id);
    CREATE INDEX by_recording ON clips (recording) WHERE recording IS NOT NULL;
    CREATE INDEX loose ON clips (start_us, id) WHERE NOT pinned AND going IS NULL;
    CREATE INDEX kept ON clips (start_us, id, camera, bytes) WHERE pinned;
    CREATE INDEX leaving ON clips (number) WHERE going IS NOT NULL;
    CREATE TABLE causes (event BLOB NOT NULL, clip INTEGER NOT NULL, PRIMARY KEY (event, clip)) WITHOUT ROWID;
    CREATE INDEX causes_of ON causes (clip);
    """,
)


class Unreadable(Exception):
    """The file is no index this software can read."""


class IndexFile:
    """One connection writes, one reads; threads share both. `report` says what had to be done to open it, `damaged` what is wrong
    with it since; `renew` then begins a new file, and the old one is kept beside it."""

    def __init__(self, path: Path | None, migrations: Sequence[str] = MIGRATIONS) -> None:
        self.path, self._migrations = path or Path(MEMORY), migrations
        self.report = self.damaged = ""
        self._writing, self._reading = threading.RLock(), threading.RLock()
        self._connect()

    @property
    def in_memory(self) -> bool:
        return self._reader is self._writer

    def _connect(self) -> None:
        if str(self.path) == MEMORY:
            self._in_memory(None)
            return
        try:
            self._writer = _open(self.path, self._migrations)
        except (sqlite3.Error, OSError, Unreadable) as error:
            if lacking(error):
                self._in_memory(error)
                return
            self._set_aside(str(error))
            try:
                self._writer = _open(self.path, self._migrations)
            except (sqlite3.Error, OSError) as again:
                self._in_memory(again)
                return
        self._reader = _connect(str(self.path))
        self._reader.execute("PRAGMA query_only = 1")

    def _in_memory(self, error: Exception | None) -> None:
        if error:
            self.report = f"{self.path}: the disk refuses it ({error}); the index is kept in memory until the next start: see the disk"
            log.warning(self.report)
        self._writer = self._reader = _connect(MEMORY)
        migrate(self._writer, None, self._migrations)

    def _set_aside(self, fault: str) -> None:
        with suppress(OSError):
            aside = set_aside(self.path)
            self.report = f"{self.path}: could not be read ({fault}) and was kept as {aside.name}; it is built again from the manifests"
            log.warning(self.report)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on the disk when the block is left; StorageError when the disk or the file refuses."""
        with self._writing, self._seam():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself when the disk was full
                    self._writer.execute("ROLLBACK")
                raise

    def read(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        with self._writing if self.in_memory else self._reading, self._seam():
            return self._reader.execute(sql, arguments).fetchall()

    @contextmanager
    def _seam(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if not lacking(error) and isinstance(error, sqlite3.DatabaseError):
                self.damaged = str(error)
            raise StorageError(f"{self.path}: {error}; see the disk's state, then run `vedette clips reindex`") from error

    def sound(self) -> bool:
        """Reads the whole file; what is wrong with it is in `damaged` afterwards."""
        with suppress(StorageError):
            fault = str(self.read("PRAGMA quick_check(1)")[0][0])
            self.damaged = self.damaged or ("" if fault == "ok" else fault)
        return not self.damaged

    def renew(self) -> None:
        """Put the damaged file aside and begin a new one."""
        with self._writing, self._reading:
            self.close()
            self._set_aside(self.damaged)
            self.damaged = ""
            self._connect()

    def close(self) -> None:
        with self._writing, self._reading:
            for connection in (self._reader, self._writer):
                with suppress(sqlite3.Error):  # closing checkpoints; a full disk leaves that to the next start
                    connection.close()


def lacking(error: BaseException) -> bool:
    """Whether the disk refuses (room, permission, I/O), rather than the content being wrong."""
    return isinstance(error, OSError) or (
        isinstance(error, sqlite3.OperationalError) and any(word in str(error).lower() for word in LACKING)
    )


def full(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "full" in str(error).lower()


def set_aside(path: Path) -> Path:
    """Rename the file with its log; the newest few that were set aside are kept."""
    number = 1 + max((int(p.suffix[1:]) for p in path.parent.glob(f"{path.name}.unreadable.*") if p.suffix[1:].isdigit()), default=0)
    aside = path.with_name(f"{path.name}.unreadable.{number}")
    for tail in ("-wal", "-shm"):  # the log belongs to the old file: a new one must not find it
        with suppress(FileNotFoundError):
            path.with_name(path.name + tail).replace(aside.with_name(aside.name + tail))
    path.replace(aside)
    for old in path.parent.glob(f"{path.name}.unreadable.{number - KEPT_ASIDE}*"):
        old.unlink()
    return aside


def _open(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    _made_private(path)
    connection = _connect(str(path))
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        migrate(connection, path, migrations)
        connection.execute("SELECT count(*) FROM meta, folders, clips, causes WHERE 0")  # a foreign file has no such tables
    except BaseException:
        connection.close()
        raise
    return connection


def _made_private(path: Path) -> None:
    """SQLite would follow a link; and gives the files beside the index the index's mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    try:
        mode = stat.S_IMODE(os.fstat(file).st_mode)
        if mode & ~PRIVATE and os.fstat(file).st_uid == os.geteuid():
            os.fchmod(file, mode & PRIVATE)
        if os.geteuid() == 0:  # what root makes, with a command beside the service, must be the service's
            folder = path.parent.stat()
            os.fchown(file, folder.st_uid, folder.st_gid)
    finally:
        os.close(file)  # before SQLite opens it: closing any handle of a file lets go of this process's locks on it


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, timeout=WAIT_S, isolation_level=None, check_same_thread=False)


def migrate(connection: sqlite3.Connection, path: Path | None, migrations: Sequence[str]) -> None:
    """Bring the schema forward, each step whole or not at all; a copy of what was there stays beside it."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(migrations):
        raise Unreadable(f"it has schema {version}, written by newer software; this one knows {len(migrations)}")
    if path and 0 < version < len(migrations):
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
            if int(connection.execute("PRAGMA user_version").fetchone()[0]) < number:  # else another process was quicker
                raise
