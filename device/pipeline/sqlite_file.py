"""SQLite files: private, never opened through a link, migrated forward with a copy, set aside when they cannot be read."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from contracts.errors import StorageError

log = logging.getLogger(__name__)

PRIVATE = 0o640  # they say who was where
KEPT_ASIDE = 3
SPARE_BYTES = 1 << 18  # what a copy leaves free, for the file itself
LACKING = ("full", "disk i/o", "unable to open", "readonly", "locked", "out of memory")  # SQLite's words for a disk that refuses


class Unreadable(Exception):
    """The file is none that this software can read."""


def lacking(error: BaseException) -> bool:
    """Whether the disk refuses (room, permission, I/O), rather than the content being wrong."""
    return isinstance(error, (OSError, StorageError)) or (
        isinstance(error, sqlite3.OperationalError) and any(word in str(error).lower() for word in LACKING)
    )


def opened(path: Path, migrations: Sequence[str], tables: str, *, wait_s: float, checked_bytes: int = 0) -> sqlite3.Connection:
    """Ready to be written: every commit is on the disk. `wait_s`: for another process that writes; `checked_bytes`: a file up to that
    size is read through first. OSError, sqlite3.Error or Unreadable; `lacking` tells a disk that refuses from a file that is wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _made_private(path)
    connection = connected(path, wait_s)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        if path.stat().st_size <= checked_bytes and (fault := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Unreadable(fault)
        migrate(connection, path, migrations)
        connection.execute(f"SELECT count(*) FROM {tables} WHERE 0")  # noqa: S608 - ours; a foreign file has no such tables
    except BaseException:
        connection.close()
        raise
    return connection


def connected(path: Path | str, wait_s: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """It is on the disk when the block is left, or was never begun."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back by itself when the disk was full
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, path: Path | None, migrations: Sequence[str]) -> None:
    """Bring the schema forward, each step whole or not at all; a copy of what was there stays beside it (`path` None: in memory)."""
    version = _version(connection)
    if version > len(migrations):
        raise Unreadable(f"it has schema {version}, written by newer software; this one knows {len(migrations)}")
    if path and 0 < version < len(migrations):
        _copy(connection, path.with_name(f"{path.name}.schema{version}"))
    for number, step in enumerate(migrations[version:], version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if _version(connection) < number:  # else another process was quicker
                raise


def _copy(connection: sqlite3.Connection, kept: Path) -> None:
    """Where there is room: without it a step is still whole or not at all, and trying again each second would only fill the disk."""
    (pages,), (size,) = (connection.execute(f"PRAGMA {word}").fetchone() for word in ("page_count", "page_size"))
    room = shutil.disk_usage(kept.parent).free
    if room < pages * size + SPARE_BYTES:
        log.warning("%s: no copy of the old schema is made: it takes %d MB, there is room for %d", kept, pages * size >> 20, room >> 20)
        return
    _made_private(kept)
    with closing(sqlite3.connect(kept)) as copy:
        connection.backup(copy)


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


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _made_private(path: Path) -> None:
    """SQLite would follow a link; and gives the files beside it the file's mode."""
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
