"""IndexFile: the SQLite file under the index; migrated forward with a copy, set aside when unreadable, in memory when the disk refuses."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from contracts.errors import StorageError
from device.pipeline.sqlite_file import Unreadable, connected, lacking, migrate, opened, set_aside, transaction

log = logging.getLogger(__name__)

WAIT_S = 10.0  # for another process that writes: `vedette clips` beside the appliance
TABLES = "meta, folders, clips, causes"
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
            self._writer = opened(self.path, self._migrations, TABLES, wait_s=WAIT_S)
        except (sqlite3.Error, OSError, Unreadable) as error:
            if lacking(error):
                self._in_memory(error)
                return
            self._set_aside(str(error))
            try:
                self._writer = opened(self.path, self._migrations, TABLES, wait_s=WAIT_S)
            except (sqlite3.Error, OSError) as again:
                self._in_memory(again)
                return
        self._reader = connected(self.path, WAIT_S)
        self._reader.execute("PRAGMA query_only = 1")

    def _in_memory(self, error: Exception | None) -> None:
        if error:
            self.report = f"{self.path}: the disk refuses it ({error}); the index is kept in memory until the next start: see the disk"
            log.warning(self.report)
        self._writer = self._reader = connected(MEMORY, WAIT_S)
        migrate(self._writer, None, self._migrations)

    def _set_aside(self, fault: str) -> None:
        with suppress(OSError):
            aside = set_aside(self.path)
            self.report = f"{self.path}: could not be read ({fault}) and was kept as {aside.name}; it is built again from the manifests"
            log.warning(self.report)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on the disk when the block is left; StorageError when the disk or the file refuses."""
        with self._writing, self._seam(), transaction(self._writer) as connection:
            yield connection

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


def full(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "full" in str(error).lower()
