from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from contracts.errors import ConfigError, StorageError
from tests.trainer.store.postgres import Server
from trainer.store.database import Database, head_revision, poison
from trainer.store.tables import devices, jobs, metadata


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(devices.insert(), {"name": name, "first_us": 1, "last_us": 2})


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(devices.c.name).order_by(devices.c.name)).scalars())


def test_a_store_that_is_opened_has_the_tables_of_this_software(url: str) -> None:
    database = Database(url)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(metadata.tables) <= set(inspect(connection).get_table_names())
    assert database.revision() == head_revision()
    add(database, "yard-1")
    database.close()
    again = Database(url, upgrade=False)
    assert names(again) == ["yard-1"]
    again.close()


def test_a_store_of_another_version_is_refused_where_it_may_not_be_changed(url: str) -> None:
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    database.close()
    with pytest.raises(ConfigError, match=f"is of version 0000, not {head_revision()}"):
        Database(url, upgrade=False)


def test_two_who_open_an_empty_store_at_once_make_it_once(url: str) -> None:
    opened: list[Database] = []
    failed: list[BaseException] = []

    def go() -> None:
        try:
            opened.append(Database(url))
        except (StorageError, ConfigError, DBAPIError) as error:
            failed.append(error)

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (failed, len(opened)) == ([], 3)
    for database in opened:
        database.close()


def test_a_transaction_is_all_or_nothing(url: str) -> None:
    database = Database(url)
    with pytest.raises(RuntimeError, match="stop"), database.write() as connection:
        connection.execute(devices.insert(), {"name": "half", "first_us": 1, "last_us": 2})
        raise RuntimeError("stop")
    assert names(database) == []
    add(database, "yard-1")
    with pytest.raises(DBAPIError) as twice:
        add(database, "yard-1")
    assert poison(twice.value)
    assert names(database) == ["yard-1"]
    database.close()


def test_numbers_count_by_themselves_and_defaults_are_there(url: str) -> None:
    database = Database(url)
    add(database, "a")
    add(database, "b")
    with database.write() as connection:
        connection.execute(jobs.insert(), {"id": "1", "kind": "train", "state": "waiting", "arguments": "{}", "created_us": 1})
        rows = connection.execute(select(devices.c.number, devices.c.journal, devices.c.shed_to).order_by(devices.c.number)).all()
        assert connection.execute(select(jobs.c.progress, jobs.c.cancel)).one() == (0, 0)
    assert [tuple(row) for row in rows] == [(1, 1, 0), (2, 1, 0)]
    database.close()


def test_sqlite_syncs_every_commit_and_lets_readers_read(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "s.sqlite"))
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with database.write() as connection:
        connection.execute(devices.insert(), {"name": "x", "first_us": 1, "last_us": 2})
        assert names(database) == []
    assert names(database) == ["x"]
    database.close()


def test_what_is_no_store_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, and longer than a header " * 10)
    with pytest.raises(StorageError, match="file is not a database"):
        Database(str(tmp_path / "text"))
    for wrong in ("mysql://x/y", "sqlite://", "nonsense://x"):
        with pytest.raises(ConfigError, match="store"):
            Database(wrong)
    with pytest.raises(StorageError, match="see that it runs") as error:
        Database(f"postgresql://user:secret@/x?unix_sock={tmp_path}/none")
    assert "secret" not in str(error.value)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE devices (x)")
    with pytest.raises(StorageError, match="already exists"):
        Database(str(tmp_path / "other.sqlite"))


@pytest.mark.postgres
def test_a_server_that_went_away_is_said_and_used_again(postgres: Server) -> None:
    database = Database(postgres.database())
    add(database, "before")
    postgres.stop()
    with pytest.raises(StorageError, match="see that it runs"):
        add(database, "lost")
    postgres.start()
    add(database, "after")
    assert names(database) == ["after", "before"]
    database.close()
