"""The watch over a store, on SQLite and PostgreSQL: learns, finds what changed and where, says so once, and keeps what is normal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import pytest
from sqlalchemy import select

pytest.importorskip("sqlalchemy")

from contracts.drift import DriftWindow
from tests.trainer.drift.stores import FIRST, Field
from tests.trainer.drift.worlds import Change, World
from tests.trainer.store.conftest import postgres, url
from trainer.accounts.audit import Audit
from trainer.drift import watch
from trainer.drift.listing import Wanted, listed, to_label
from trainer.drift.options import Options
from trainer.drift.streams import KEPT_HOURS
from trainer.store.drift_tables import drift_calls, drift_hours
from trainer.store.review_tables import review_items
from trainer.store.tables import jobs

__all__ = ["postgres", "url"]
DAY = 24
AT = 9 * DAY + 5
DARK = Change(AT, light=0.5, score=-0.15)


@lru_cache
def seen(seed: int, changed: bool = False, days: int = 12) -> dict[int, DriftWindow]:
    return World(seed, change=DARK if changed else None).hours(days * DAY)


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    made = Field(str(tmp_path / "store.sqlite"), then="fill")
    yield made
    made.close()


def test_a_drift_is_found_where_it_is_and_said_once(url: str) -> None:
    field = Field(url, share=0.5)
    field.say("box-000", seen(0, changed=True))
    field.say("box-001", seen(1))
    assert field.look(6 * DAY) == []
    assert field.standing(device="box-000")[""]["state"] == "learning"
    assert field.look(AT) == []
    assert {row["state"] for row in field.standing(device="box-000").values()} == {"ok"}
    assert field.look(AT + 20) == []
    found = field.standing(device="box-000", camera="yard")
    assert found["confidence:person"]["state"] == "drift"
    assert 0 < found["confidence:person"]["since_hour"] - FIRST - AT <= 16
    assert {row["state"] for row in field.standing(device="box-001").values()} == {"ok"}
    (call,) = field.look(AT + 45)
    assert call.devices == ("box-000",)
    assert "the model is less sure of person" in call.words
    assert "on 1 of 2 boxes (box-000), since 20" in call.words
    assert "The pictures changed there too (brightness" in call.words
    assert (field.look(AT + 46), field.look(AT + 46)) == ([], [])
    (deed,) = Audit(field.database, field.clock).page()
    assert (deed.who, deed.action, call.words in deed.detail) == ("drift watch", "drift", True)
    assert field.standing(device="box-000")["confidence:person"]["since_hour"] == found["confidence:person"]["since_hour"]
    field.close()


def test_one_box_of_many_is_no_moment_to_retrain(field: Field) -> None:
    field.watch._options = lambda: Options(share=0.6)
    field.say("box-000", seen(0, changed=True))
    field.say("box-001", seen(1))
    assert field.look(AT + 45) == []
    assert field.standing(device="box-000")["confidence:person"]["state"] == "drift"


def test_it_is_over_when_it_is_and_may_come_again(field: Field) -> None:
    field.say("box-000", {**seen(0, changed=True), **{hour: seen(2, days=16)[hour] for hour in range(11 * DAY, 16 * DAY)}})
    assert len(field.look(AT + 40)) == 1
    field.look(16 * DAY - 1)
    with field.database.read() as connection:
        calls = connection.execute(select(drift_calls)).all()
        asked = connection.execute(select(jobs.c.kind, jobs.c.who, jobs.c.id)).all()
    assert len(calls) == 1
    assert [(job.kind, job.who) for job in asked] == [("review_fill", "drift watch")]
    assert calls[0].job == asked[0].id


def test_hours_that_come_late_change_nothing_in_the_end(tmp_path: Path) -> None:
    stands = []
    for name, late in (("a", set[int]()), ("b", set(range(3 * DAY, AT + 20, 5)))):
        field, hours = Field(str(tmp_path / name)), seen(0, changed=True)
        field.say("box-000", {hour: window for hour, window in hours.items() if hour not in late})
        field.look(6 * DAY)
        field.say("box-000", {hour: hours[hour] for hour in late})
        field.look(AT + 30)
        stands.append(field.standing())
        field.close()
    assert stands[0] == stands[1]


def test_several_cameras_are_judged_alone_and_together(field: Field) -> None:
    for seed, camera in ((0, "gate"), (1, "yard")):
        field.say("box-000", {hour: window.model_copy(update={"camera": camera}) for hour, window in seen(seed, seed == 0).items()})
    field.look(AT + 20)
    assert field.standing(camera="gate")["confidence:person"]["state"] == "drift"
    assert field.standing(camera="yard")["confidence:person"]["state"] == "ok"
    assert set(field.standing(camera="")) == set(field.standing(camera="yard"))


def test_a_new_model_learns_anew(field: Field) -> None:
    other = "sha256:" + "b" * 64
    field.say("box-000", {hour: window for hour, window in seen(0, True).items() if hour < AT})
    field.say("box-000", {hour: window for hour, window in seen(0, True).items() if hour >= AT}, other)
    assert field.look(AT + 40) == []
    (row,) = field.standing(model=other).values()
    assert (row["state"], row["distance"]) == ("learning", 1.0)


def test_what_is_normal_outlives_its_hours(field: Field) -> None:
    field.say("box-000", seen(0))
    field.look(12 * DAY - 1)
    field.say("box-001", {KEPT_HOURS + 13 * DAY: seen(0)[5]})
    field.look(KEPT_HOURS + 13 * DAY + 1)
    with field.database.read() as connection:
        left = connection.execute(select(drift_hours.c.hour).where(drift_hours.c.device == 1)).scalars().all()
    assert sorted(hour - FIRST for hour in left) == list(range(7 * DAY))


def test_two_who_watch_say_it_once(url: str) -> None:
    field = Field(url)
    field.say("box-000", seen(0, changed=True))
    field.clock.hour = FIRST + AT + 46
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda _: field.watch.step(), range(2)))
    assert sum(len(calls) for calls in said) == 1
    field.close()


def test_what_is_listed_comes_in_pages_and_what_drifts_first(field: Field) -> None:
    field.say("box-000", seen(0))
    field.say("box-001", seen(1, changed=True))
    field.look(AT + 45)
    whole = listed(field.database, Wanted(limit=500))
    rows, after, pages = [], "", 0
    while after is not None:
        page = listed(field.database, Wanted(limit=4, after=after))
        rows, after, pages = rows + page["standing"], page["next"], pages + 1
    assert rows == whole["standing"]
    assert pages == -(-len(rows) // 4)
    states = [row["state"] for row in rows]
    assert states == sorted(states, key=["drift", "few", "learning", "ok"].index)
    assert states[0] == "drift"
    assert whole["calls"][0]["devices"] == ["box-001"]
    for nonsense in ("x", "[]", '["a", 1]', "[9e99]", "[0, 1, 2, 3, 4]"):
        assert listed(field.database, Wanted(limit=4, after=nonsense))["standing"] == rows[:4]


def test_pictures_of_the_box_since_it_drifted_are_to_be_labelled_first(field: Field) -> None:
    row = {
        "set": "s", "sha256": "0" * 64, "band0": 0, "band1": 0, "band2": 0, "band3": 0, "width": 64, "height": 48, "session": "s",
        "camera": "yard", "reason": "low_confidence", "probability": 1.0, "drawn": 1, "weight": 1.0, "boxes": "[]", "count": 1,
        "ignore": "[]", "value": 1.0, "version": 0, "came_us": 0,
    }  # fmt: skip
    hour_us = 3_600_000_000
    told = [
        ("a", "box-000", 5, 2.0, "open"), ("b", "box-000", 9, 1.0, "open"), ("c", "box-000", 9, 3.0, "open"),
        ("d", "box-000", 9, 9.0, "done"), ("e", "box-001", 9, 9.0, "open"),
    ]  # fmt: skip
    with field.database.write() as connection:
        for name, device, hour, turn, state in told:
            said = {"id": name, "image": name, "device": device, "t_us": hour * hour_us, "turn": turn, "state": state}
            connection.execute(review_items.insert(), {**row, **said})
    assert [each["id"] for each in to_label(field.database, "box-000", 9)] == ["c", "b"]
    assert [each["id"] for each in to_label(field.database, "box-000", None)] == ["c", "a", "b"]


def test_a_fault_of_ours_in_one_round_does_not_end_the_watch(
    field: Field, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, rounds = threading.Event(), list[int]()

    def faulty() -> None:
        rounds.append(1)
        stop.set() if len(rounds) == 2 else None
        raise ValueError("a histogram of another width")

    monkeypatch.setattr(watch, "EVERY_S", 0.0)
    monkeypatch.setattr(field.watch, "step", faulty)
    field.watch.run(stop)
    assert caplog.text.count("drift is not judged: ValueError: a histogram of another width") == 1 and len(rounds) == 2
