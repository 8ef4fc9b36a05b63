"""What ran where and when, out of messages that come late, twice and in any order."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import select

from broker.letters import Incoming
from contracts.wire import utc_from_ns, utc_text
from tests.trainer.ingest.boxes import T0_NS, came, envelope, event, health, ulid
from tests.trainer.store.conftest import postgres, url
from trainer.home import Home
from trainer.ingest.messages import read_message
from trainer.ingest.options import Options
from trainer.ingest.writer import Writer
from trainer.registry.registry import Registry
from trainer.registry.stays import Stay
from trainer.store.database import Database
from trainer.store.registry_tables import placements

__all__ = ["postgres", "url"]
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
T0 = T0_NS // 1000
MINUTE = 60_000_000
NOW = T0 + 400 * 24 * 60 * MINUTE


def seen(device: str, minute: float, model: str | None, kind: str = "event", n: int = 0, **more: object) -> Incoming:
    at = utc_text(utc_from_ns((T0 + int(minute * MINUTE)) * 1000))
    data = {**event(0), "t": at, "start": at} if kind == "event" else health(0)
    said = envelope(device, None, data, kind, t=at, model=model, id=ulid(device, minute, model, kind, n), **more)
    return came(device, said, kind)


def write(database: Database, messages: list[Incoming], size: int = 7, now_us: int = NOW) -> None:
    writer = Writer(database, Options(), Counter())
    for at in range(0, len(messages), size):
        writer.write([read_message(each) for each in messages[at : at + size]], now_us)


def told(found: list[Stay]) -> list[tuple[str, str, float, float | None]]:
    """Device, model's letter, from and to in minutes."""
    return [(s.device, s.model[7], (s.from_us - T0) / MINUTE, None if s.to_us is None else (s.to_us - T0) / MINUTE) for s in found]


def registry(database: Database, tmp_path: Path) -> Registry:
    return Registry(database, Home(tmp_path / "home"))


def history() -> list[Incoming]:
    """A, then B for an hour and a half, back to A, which is how a box takes a model back; another box has B all along."""
    first = [(m, A) for m in range(0, 200, 5)] + [(m, B) for m in range(200, 290, 3)] + [(m, A) for m in range(290, 500, 10)]
    mine = [seen("yard-1", m, model, kind) for m, model in first for kind in ("event", "health")]
    return mine + [seen("yard-2", m, B, "health") for m in range(0, 500, 20)]


def test_a_box_that_took_a_model_back_had_it_for_that_time(url: str, tmp_path: Path) -> None:
    database = Database(url)
    write(database, history())
    found = registry(database, tmp_path)
    assert told(found.ran("yard-1")) == [("yard-1", "a", 0, 200), ("yard-1", "b", 200, 290), ("yard-1", "a", 290, None)]
    assert told(found.where(B)) == [("yard-1", "b", 200, 290), ("yard-2", "b", 0, None)]
    assert [stay.model for stay in found.ran("yard-1", T0 + 250 * MINUTE)] == [B]
    assert [stay.model for stay in found.ran("yard-1", T0 + 200 * MINUTE)] == [B]
    assert [stay.model for stay in found.ran("yard-1", T0 + 199 * MINUTE)] == [A]
    assert [stay.model for stay in found.ran("yard-1", T0 + 10_000 * MINUTE)] == [A]
    assert found.ran("yard-1", T0 - 1) == found.ran("nobody") == found.where(C) == []
    assert found.where(B)[0].seen_us == T0 + 287 * MINUTE
    database.close()


@pytest.mark.parametrize("seed", range(4))
def test_disorder_doubles_and_lateness_have_the_effect_of_order(url: str, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    straight, mixed = Database(str(tmp_path / "straight.sqlite")), Database(url)
    write(straight, history())
    messages = [each for each in history() for _ in range(chance.randrange(1, 4))]
    chance.shuffle(messages)
    write(mixed, messages, size=chance.randrange(1, 40))
    ours, theirs = registry(mixed, tmp_path), registry(straight, tmp_path)
    for device in ("yard-1", "yard-2"):
        assert ours.ran(device) == theirs.ran(device)
    assert ours.where(A) == theirs.where(A) and ours.where(B) == theirs.where(B)
    mixed.close()
    straight.close()


def test_a_box_that_was_away_tells_later_what_it_ran_meanwhile(url: str, tmp_path: Path) -> None:
    """Health of now comes first, events of the day before behind it."""
    database = Database(url)
    write(database, [seen("yard-1", 0, A, "health"), seen("yard-1", 2000, A, "health")])
    assert told(registry(database, tmp_path).ran("yard-1")) == [("yard-1", "a", 0, None)]
    late = [seen("yard-1", m, B, "event", replay=True) for m in (700, 500, 600)]
    write(database, [*late, seen("yard-1", 2001, B, "health")])
    assert told(registry(database, tmp_path).ran("yard-1")) == [
        ("yard-1", "a", 0, 500),
        ("yard-1", "b", 500, 2000),
        ("yard-1", "a", 2000, 2001),
        ("yard-1", "b", 2001, None),
    ]
    database.close()


def test_a_classifier_beside_the_detector_does_not_end_its_stay(url: str, tmp_path: Path) -> None:
    database = Database(url)
    both = [seen("yard-1", m, model, kind) for m in range(0, 300, 10) for model, kind in ((A, "health"), (A, "event"), (C, "event"))]
    write(database, [*both, seen("yard-1", 5000, A, "health"), seen("yard-1", 5000, C, "event")])
    found = registry(database, tmp_path).ran("yard-1")
    assert told(found) == [("yard-1", "a", 0, None), ("yard-1", "c", 0, 290), ("yard-1", "c", 5000, None)]
    assert [stay.main for stay in found] == [True, False, False]
    assert {stay.model for stay in registry(database, tmp_path).ran("yard-1", T0 + 100 * MINUTE)} == {A, C}
    assert {stay.model for stay in registry(database, tmp_path).ran("yard-1", T0 + 400 * MINUTE)} == {A}
    database.close()


def test_wrong_clocks_and_what_is_no_digest_move_nothing(url: str, tmp_path: Path) -> None:
    database = Database(url)
    now = T0 + 10 * MINUTE
    strange = [
        seen("yard-1", 9_000_000, B, "health"),  # in years
        seen("yard-1", 1, C, "event", clk="unsynced", replay=True),
        seen("yard-1", 2, None, "health"),
        seen("yard-1", 3, "sha256:short", "health"),
        seen("yard-1", 4, "x" * 71, "health"),
    ]
    write(database, [seen("yard-1", 0, A, "health"), *strange], now_us=now)
    assert told(registry(database, tmp_path).ran("yard-1")) == [("yard-1", "a", 0, 10), ("yard-1", "b", 10, None)]
    database.close()


def test_a_year_of_a_box_is_a_row_an_hour_and_a_model(url: str, tmp_path: Path) -> None:
    database = Database(url)
    write(database, [seen("yard-1", m / 10, A, kind) for m in range(0, 1200, 7) for kind in ("event", "health")], size=100)
    with database.read() as connection:
        assert len(connection.execute(select(placements)).all()) == 3  # two hours, the first begun before the full one
    database.close()


def test_a_store_of_before_knows_what_its_events_say(tmp_path: Path) -> None:
    from alembic import command

    from trainer.store.database import _config

    database = Database(str(tmp_path / "old.sqlite"))
    write(database, [seen("yard-1", 0, A), seen("yard-1", 1, A, n=1)])
    with database.write() as connection:
        command.downgrade(_config(connection), "0003")
    database.upgrade()
    assert [(stay.model, stay.main) for stay in registry(database, tmp_path).ran("yard-1")] == [(A, False)]
    database.close()
