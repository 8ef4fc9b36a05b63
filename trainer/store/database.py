"""Database: the store's engine: SQLite in a file (WAL, each commit synced) or PostgreSQL by its URL; migrated when it is opened."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from contracts.errors import ConfigError, StorageError
from contracts.files import make_folders, storage

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_S = 30  # for another who writes
AGAIN_S = 0.02
WAL = "journal_mode=WAL"
PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={WAIT_S * 1000}", "trusted_schema=OFF")
LOCK = 0x76656465747465  # of PostgreSQL, while one migrates


class Database:
    """`url` is one of SQLAlchemy's, or the path of a SQLite file; several processes may use it."""

    def __init__(self, url: str, *, upgrade: bool = True) -> None:
        self.url = read_url(url)
        self.engine = _engine(self.url)
        try:
            with refusing(self.url):
                if upgrade:
                    self.upgrade()
                else:
                    self.require_current()
        except BaseException:
            self.engine.dispose()
            raise

    @property
    def sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def upgrade(self, revision: str = "head") -> None:
        """All migrations, one transaction; two who begin at once wait for each other."""
        with self.engine.begin() as connection:
            if self.sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            command.upgrade(_config(connection), revision)

    def require_current(self) -> None:
        """ConfigError for a store of another version."""
        found, head = self.revision(), head_revision()
        if found != head:
            raise ConfigError(
                f"store {shown_url(self.url)}: is of version {found or 'none'}, not {head}; run `vedette-trainer store upgrade`"
            )

    def revision(self) -> str | None:
        with self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; it is on disk when the block is left, else StorageError and nothing of it is there."""
        with refusing(self.url), self.engine.begin() as connection:
            if self.sqlite:  # a writer from its first word: two that read before they write would refuse each other
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with refusing(self.url), self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def read_url(text: str) -> URL:
    """A path is a SQLite file."""
    try:
        url = make_url(text if "://" in text else f"sqlite:///{text}")
    except ArgumentError as error:
        raise ConfigError(f"store: {error}; give a file, or postgresql+pg8000://user@host/name") from error
    if url.get_backend_name() == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+pg8000")
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(f"store {shown_url(url)}: is SQLite or PostgreSQL; give a file, or postgresql+pg8000://user@host/name")
    return url


def shown_url(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def head_revision() -> str | None:
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


@contextmanager
def refusing(url: URL) -> Iterator[None]:
    """The seam: whatever a database refuses is a StorageError that says which; what a message was refused for passes (see `poison`)."""
    try:
        yield
    except DBAPIError as error:
        if poison(error):
            raise
        raise StorageError(f"store {shown_url(url)}: {error.orig}; see that it runs, has room, and lets this user in") from error
    except SQLAlchemyError as error:
        raise StorageError(f"store {shown_url(url)}: {error}") from error


def poison(error: DBAPIError) -> bool:
    """What was written is at fault, not the database: trying again would not help."""
    state = str(error.orig.args[0].get("C", "")) if error.orig and error.orig.args and isinstance(error.orig.args[0], dict) else ""
    return state.startswith(("22", "23")) or isinstance(error.orig, (sqlite3.IntegrityError, sqlite3.DataError, OverflowError))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_engine(url, pool_pre_ping=True)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise ConfigError(f"store {shown_url(url)}: {error}; install what vedette[trainer] asks for") from error
    if not url.database or url.database == ":memory:":
        raise ConfigError("store: a SQLite store is a file; name it")
    with storage(Path(url.database)):
        make_folders(Path(url.database).parent)
    engine = create_engine(url, connect_args={"timeout": WAIT_S})
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    _switch_to_wal(connection)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:
    """Where another opens the new file too, SQLite refuses this at once, whatever it was told to wait (its busy handler is not asked)."""
    until, pause = time.monotonic() + WAIT_S, threading.Event()
    while True:
        try:
            connection.execute(f"PRAGMA {WAL}")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        pause.wait(AGAIN_S)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
