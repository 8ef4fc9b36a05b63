"""Whether a rollout is looked after: said by its programs while they live, and by nobody for them afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import select, text

from tests.trainer.push.yards import HandClock
from tests.trainer.store.conftest import postgres, url
from trainer.push.tended import LATE_US, beating, note, untended
from trainer.store.database import Database
from trainer.store.push_tables import push_marks

__all__ = ["postgres", "url"]


def eventually(held: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not held() and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return held()


def test_what_is_not_at_work_is_named_with_what_to_start(tmp_path: Path) -> None:
    database, clock = Database(str(tmp_path / "store.sqlite")), HandClock()

    try:
        assert [words.partition("; ")[2] for words in untended(database, clock)] == [
            "start `vedette-trainer rollout run`", "start `vedette-trainer ingest`",
        ]  # fmt: skip
        with beating(database, clock, "ingest", lambda: False), beating(database, clock, "rollout run", lambda: True):
            assert eventually(lambda: untended(database, clock) == []), "one that has just begun is given time to connect"
        assert len(untended(database, clock)) == 2, "both ended in order"
    finally:
        database.close()


def test_one_that_was_killed_is_missed_after_a_minute_and_one_without_a_broker_at_once(tmp_path: Path) -> None:
    database, clock = Database(str(tmp_path / "store.sqlite")), HandClock()
    try:
        note(database, "rollout run", clock.wall_ns() // 1000)
        note(database, "ingest", -clock.wall_ns() // 1000)
        assert untended(database, clock) == ["`vedette-trainer ingest` has no connection to the broker: its log says why"]
        clock.now_ns += (LATE_US + 1) * 1000
        assert all("since 20" in words for words in untended(database, clock))
    finally:
        database.close()


def test_two_programs_that_begin_at_once_are_both_noted(url: str) -> None:
    database, other = Database(url), Database(url)
    try:
        with ThreadPoolExecutor(1) as second:
            with database.write() as connection:
                connection.execute(push_marks.insert().values(name="ingest", number=1))
                noted = second.submit(note, other, "ingest", 2)
                waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
                assert database.sqlite or eventually(lambda: noted.done() or bool(connection.execute(waits).scalar()))
            noted.result(30)
        with database.read() as connection:
            assert connection.execute(select(push_marks.c.number)).scalars().all() == [2]
    finally:
        other.close()
        database.close()
