from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy")

from sqlalchemy import func, select

from broker.letters import Incoming
from contracts.errors import ConfigError
from tests.trainer.ingest.boxes import came, envelope, event, health, status
from tests.trainer.store.conftest import postgres, url
from trainer.ingest.asking import Asking
from trainer.ingest.messages import Message, Refused, read_message
from trainer.ingest.options import Options
from trainer.ingest.writer import Writer
from trainer.store.database import Database
from trainer.store.tables import devices, event_messages, events, gaps, reports

__all__ = ["postgres", "url"]


class Bench:
    def __init__(self, url: str, **options: Any) -> None:
        self.database, self.counts = Database(url), Counter[str]()
        self.writer = Writer(self.database, Options(**options), self.counts)

    def write(self, *came: Incoming) -> None:
        self.writer.write([read_message(each) for each in came], 1)

    def rows(self, table: Any, *columns: Any) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(select(*(columns or (func.count(),))).select_from(table)).all()]


def story(count: int = 6) -> list[Incoming]:
    """Messages of one box, in order: events that begin, change and end."""
    lives = [(n, life, at) for n in range(count) for at, life in enumerate(("new", "update", "update", "end"))]
    return [came("yard-1", envelope("yard-1", seq, event(n, life, at))) for seq, (n, life, at) in enumerate(lives, 1)]


def told(bench: Bench) -> list[tuple[Any, ...]]:
    """What must be the same whatever happened on the way."""
    messages = sorted(bench.rows(event_messages, event_messages.c.message, event_messages.c.seq, event_messages.c.envelope))
    last = sorted(bench.rows(events, events.c.event, events.c.life, events.c.t_us, events.c.body))
    return [*messages, *last, *bench.rows(devices, devices.c.low, devices.c.high, devices.c.journal)]


@pytest.mark.parametrize("seed", range(4))
def test_doubles_and_disorder_have_the_effect_of_order(url: str, tmp_path: Path, seed: int) -> None:
    chance, straight = random.Random(seed), Bench(str(tmp_path / "straight.sqlite"))
    straight.write(*story())
    bench, mixed = Bench(url), story() * 3
    chance.shuffle(mixed)
    while mixed:
        part = [mixed.pop() for _ in range(min(len(mixed), chance.randrange(1, 9)))]
        bench.write(*part)
    assert told(bench) == told(straight)
    assert (bench.counts["events"], bench.counts["doubles"]) == (24, 48)
    assert {row[0] for row in bench.rows(events, events.c.life)} == {"end"}
    assert bench.rows(gaps) == [(0,)]
    bench.database.close()
    straight.database.close()


def test_gaps_are_kept_over_restarts_and_go_when_they_are_filled(url: str) -> None:
    bench, all_of = Bench(url), story()
    bench.write(*all_of[:3], *all_of[5:8], *all_of[10:])
    columns = gaps.c.first, gaps.c.last, gaps.c.state
    assert bench.rows(gaps, *columns) == [(4, 5, "open"), (9, 10, "open")]
    bench.database.close()
    again = Bench(url)
    again.write(all_of[8], all_of[9], all_of[3])
    assert again.rows(gaps, *columns) == [(5, 5, "open")]
    again.write(all_of[4], came("yard-1", envelope("yard-1", None, health(30), "health"), "health"))
    assert again.rows(gaps, *columns) == [(25, 30, "open")]
    again.database.close()


def test_what_was_sent_without_a_number_gets_it_later(url: str) -> None:
    bench, data = Bench(url), event(1)
    one = envelope("yard-1", None, data, id="01M81MPD5K377SPE33GMX239HT")
    bench.write(came("yard-1", one))
    bench.write(came("yard-1", envelope("yard-1", 7, data, id="01M81MPD5K377SPE33GMX239HT")))
    assert bench.rows(event_messages, event_messages.c.message, event_messages.c.seq) == [("01M81MPD5K377SPE33GMX239HT", 7)]
    assert bench.counts == {"events": 1, "doubles": 1, "replays": 0}
    bench.database.close()


def test_two_boxes_with_one_film_have_each_their_events(url: str) -> None:
    bench = Bench(url)
    bench.write(came("yard-1", envelope("yard-1", 1, event(1))), came("yard-2", envelope("yard-2", 1, event(1))))
    assert bench.rows(events) == [(2,)]
    bench.database.close()


def test_a_box_with_a_new_disk_begins_a_new_journal_and_nothing_of_it_is_lost(url: str) -> None:
    bench = Bench(url)
    bench.write(*story()[:4], *story()[6:8])
    fresh = [came("yard-1", envelope("yard-1", seq, event(100 + seq), boot="boot-2")) for seq in range(1, 5)]
    bench.write(*fresh)
    assert bench.rows(devices, devices.c.journal, devices.c.low, devices.c.high) == [(2, 1, 4)]
    assert bench.rows(event_messages) == [(10,)]
    assert bench.rows(gaps, gaps.c.first, gaps.c.last, gaps.c.state) == [(5, 6, "gone")]
    bench.database.close()


def test_reports_are_bounded_and_a_stale_will_is_no_farewell(url: str) -> None:
    bench = Bench(url, health_kept=20)
    for n in range(100):
        payload = envelope("yard-1", None, health(0, fps=float(n)), "health")
        bench.write(came("yard-1", payload, "health"), came("yard-1", payload, "health"))
    bodies = sorted(json.loads(row[0])["data"]["fps"] for row in bench.rows(reports, reports.c.body))
    assert 20 <= len(bodies) <= 22
    assert bodies[-1] == 99.0
    for session, state in (("a", "online"), ("b", "online"), ("a", "lost")):
        bench.write(came("yard-1", envelope("yard-1", None, status(state, session), "status"), "status"))
    assert bench.rows(devices, devices.c.state, devices.c.session) == [("online", "b")]
    bench.write(came("yard-1", envelope("yard-1", None, {"version": "1.2.3", "outcome": "done"}, "update"), "update"))
    assert "1.2.3" in bench.rows(reports, reports.c.body)[-1][0]
    bench.database.close()


def test_more_boxes_than_may_be_are_refused(tmp_path: Path) -> None:
    bench = Bench(str(tmp_path / "s"), max_devices=3)
    for n in range(6):
        bench.write(came(f"box-{n}", envelope(f"box-{n}", 1, event(n))))
    assert (len(bench.writer.boxes.by_name), bench.counts["refused.devices"]) == (3, 3)
    bench.database.close()


def test_a_message_that_the_database_will_not_hold_is_refused_and_the_others_stay(postgres: Any) -> None:
    """PostgreSQL holds no NUL in text, wherever it stands."""
    bench = Bench(postgres.database())
    wrong = came("yard-1", envelope("yard-1", 3, event(3, kind="object", model="x")))
    message = read_message(wrong)
    poisoned = Message("yard-1", "event", message.envelope, message.data, "a\0b", 1)
    good = [read_message(came("yard-1", envelope("yard-1", seq, event(seq)))) for seq in (1, 2, 4, 5)]
    bench.writer.write([*good[:2], poisoned, *good[2:]], 1)
    assert bench.counts["refused.store"] == 1
    assert sorted(bench.rows(event_messages, event_messages.c.seq)) == [(1,), (2,), (4,), (5,)]
    bench.database.close()


GOOD = json.loads(envelope("yard-1", 1, event(1)))


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (None, b"{}", "topic"),
        ("vedette/v1/yard-1/dn/cmd", b"{}", "topic"),
        ("vedette/v1/fleet/up/event", b"{}", "topic"),
        ("vedette/v1/../up/event", b"{}", "topic"),
        ("vedette/v1/yard-1/up/alert/x", b"{}", "topic"),
        ("other", b"{}", "topic"),
        ("vedette/v1/yard-1/up/event", b"\xff\xfe", "envelope"),
        ("vedette/v1/yard-1/up/event", b"[" * 100_000, "envelope"),
        ("vedette/v1/yard-1/up/event", b"x" * (2 << 20), "envelope"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "v": 2}).encode(), "version"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "type": "health.v1"}).encode(), "type"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "seq": 1 << 62}).encode(), "range"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "seq": 0}).encode(), "envelope"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "boot": "x" * 65}).encode(), "range"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "data": {**GOOD["data"], "camera": "a\0b"}}).encode(), "range"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "data": {**GOOD["data"], "confidence": 2}}).encode(), "event"),
        ("vedette/v1/yard-1/up/event", json.dumps({**GOOD, "data": {}}).encode(), "event"),
    ],
)
def test_what_is_not_ours_is_refused_by_its_reason(topic: str | None, payload: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_message(Incoming(topic, payload, mid=1))
    assert refused.value.reason == reason


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(topic=st.none() | st.text(max_size=40), payload=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_message_stops_the_reader(topic: str | None, payload: bytes) -> None:
    for name in (topic, "vedette/v1/yard-1/up/event", "vedette/v1/yard-1/up/res/x"):
        with pytest.raises(Refused):
            read_message(Incoming(name, payload, mid=1))


def test_options_that_are_none_are_said() -> None:
    import argparse

    from trainer.commands import ingest

    parser = argparse.ArgumentParser()
    ingest.add_arguments(parser)
    assert ingest.options_of(parser.parse_args(["--set", "window=7"])).window == 7
    for wrong in ("window=x", "nonsense=1", "window"):
        with pytest.raises(ConfigError, match="ingest"):
            ingest.options_of(parser.parse_args(["--set", wrong]))


def test_a_box_of_before_whose_name_is_somebody_elses_now_is_not_asked_for_what_is_missing(tmp_path: Path) -> None:
    bench = Bench(str(tmp_path / "store.sqlite"))
    bench.write(came("yard-1", envelope("yard-1", 1, event(0))), came("yard-1", envelope("yard-1", 5, event(1))))
    with bench.database.write() as connection:
        connection.execute(devices.update().values(name="trainer-west"))
    bench.writer.forget()
    bench.writer.load()
    asking = Asking(Options(ask_after_s=0), bench.writer.boxes, bench.counts, lambda: "01")
    with bench.database.write() as connection:
        assert asking.step(connection, 2) == []
