"""Tended: whether the programs that a rollout needs are at work; each writes that it lives, and who looks is told what to start."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import select, update

from contracts.errors import StorageError
from contracts.wire import utc_from_ns, utc_text
from trainer.clock import Clock, wall_us
from trainer.store.catalogue import insert_or_ignore
from trainer.store.database import Database
from trainer.store.push_tables import push_marks

log = logging.getLogger(__name__)
Service = Literal["rollout run", "ingest"]
DOES: dict[Service, str] = {
    "rollout run": "nobody brings assignments to boxes and moves rollouts on",
    "ingest": "nobody takes in what boxes say",
}
SERVICES: tuple[Service, ...] = tuple(DOES)
BEAT_S = 10.0
LATE_US = 60_000_000  # six beats that did not come
GONE = 0  # it was ended in order


@contextmanager
def beating(database: Database, clock: Clock, name: Service, connected: Callable[[], bool]) -> Iterator[None]:
    """While the block runs, on a thread of its own. A store that takes nothing is the program's own to say."""
    stop = threading.Event()

    def run() -> None:
        begun = True  # and has had no time to connect
        while not stop.is_set():
            note(database, name, wall_us(clock) * (1 if begun or connected() else -1))
            begun = stop.wait(BEAT_S)
        note(database, name, GONE)

    thread = threading.Thread(target=run, name=f"beat of {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(BEAT_S)


def untended(database: Database, clock: Clock, of: Sequence[Service] = SERVICES) -> list[str]:
    """What, since when, what to do; nothing where they are at work and have a broker."""
    query = select(push_marks.c.name, push_marks.c.number).where(push_marks.c.name.in_(of))
    with database.read() as connection:
        marks = {row.name: row.number for row in connection.execute(query)}
    said = [_words(name, marks.get(name, GONE), wall_us(clock)) for name in of]
    return [words for words in said if words]


def _words(name: Service, mark: int, now_us: int) -> str:
    """A mark below zero: at work, and without a broker."""
    if now_us - abs(mark) > LATE_US:
        since = f" since {utc_text(utc_from_ns(abs(mark) * 1000))}" if mark else ""
        return f"{DOES[name]}{since}; start `vedette-trainer {name}`"
    return f"`vedette-trainer {name}` has no connection to the broker: its log says why" if mark < 0 else ""


def note(database: Database, name: Service, number: int) -> None:
    try:
        with database.write() as connection:
            connection.execute(insert_or_ignore(connection, push_marks), [{"name": name, "number": number}])
            connection.execute(update(push_marks).where(push_marks.c.name == name).values(number=number))
    except StorageError as error:
        log.info("that %s lives was not written down: %s", name, error)
