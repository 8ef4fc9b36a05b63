from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from contracts.errors import ConfigError
from dataset.exporter import Exporter
from dataset.marks import box
from tests.trainer.review.homes import START, Place, Shot, about, add, picture, place
from trainer.jobs.told import Silent
from trainer.main import main
from trainer.review.worth import draw, turn, value
from trainer.store.review_tables import review_items


def rows(here: Place) -> dict[str, Any]:
    """By reason and number of the picture in time."""
    with here.database.read() as connection:
        found = connection.execute(select(review_items)).all()
    return {f"{row.set} {(row.t_us // 10**6) - int(START.timestamp())}": row for row in found}


def test_only_what_came_since_the_last_time_is_looked_at(here: Place) -> None:
    add(here.sets / "yard", [Shot(n) for n in range(3)])
    assert here.fill().added == 3
    add(here.sets / "yard", [Shot(n) for n in range(5)])
    again = here.fill()
    assert (again.records, again.added, again.open) == (2, 2, 5)
    assert here.fill().records == 0


def test_stopped_and_killed_in_between_it_goes_on_and_nothing_is_there_twice(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.review.filling.EACH", 2)
    add(here.sets / "yard", [Shot(n) for n in range(7)])

    class Once(Silent):
        count = 0

        def stopped(self) -> bool:
            self.count += 1
            return self.count > 2

    assert here.fill(told=Once()).added == 4
    assert here.fill().added == 3
    with here.database.write() as connection:  # as if the place in the manifest was lost
        from trainer.store.review_tables import review_sets

        connection.execute(review_sets.update().values(tail="x"))
    again = here.fill()
    assert (again.records, again.added, again.open) == (7, 0, 7)


def test_the_same_picture_in_two_sets_is_looked_at_once_and_stands_for_itself(here: Place) -> None:
    for name in ("yard", "copy"):
        add(here.sets / name, [Shot(1), Shot(2)])
    filled = here.fill()
    assert (filled.added, filled.twins, filled.open) == (2, 2, 2)
    assert {row.weight for row in rows(here).values() if row.state == "open"} == {2.0}


def test_what_looks_nearly_the_same_is_looked_at_once_and_stands_for_both(here: Place) -> None:
    def lit(number: int, marks: Any, probability: float) -> None:
        with Exporter(here.sets / "yard") as exporter:
            image = picture(1)
            image[number % 48, 0] += 3
            exporter.add(image, marks, about(Shot(number, marks, "uniform", probability)))

    lit(1, (), 0.5)
    lit(2, (), 0.25)
    lit(3, [box("person", (1, 1, 9, 9), 0.5)], 0.5)
    filled = here.fill()
    assert (filled.added, filled.twins) == (2, 1), "somebody is in the third"
    assert {key: row.weight for key, row in rows(here).items()} == {"yard 1": 6.0, "yard 2": 0.0, "yard 3": 2.0}


def test_a_choice_made_on_purpose_stands_for_nothing_until_chance_chose_it_too(here: Place) -> None:
    add(here.sets / "yard", [Shot(1, reason="event_best", probability=1.0), Shot(2, reason="uniform", probability=0.1)])
    here.fill()
    assert {key: (row.drawn, row.weight) for key, row in rows(here).items()} == {"yard 1": (0, 0.0), "yard 2": (1, 10.0)}
    add(here.sets / "yard", [Shot(1, reason="uniform", probability=0.1)])
    here.fill()
    first = rows(here)["yard 1"]
    assert (first.drawn, first.weight, first.reason, first.probability) == (1, 10.0, "uniform", 0.1)


def test_the_queue_is_bounded_by_turn_and_filled_up_again(here: Place) -> None:
    add(here.sets / "yard", [Shot(n) for n in range(6)])
    filled = here.fill(most=4)
    assert (filled.open, filled.passed) == (4, 2)
    kept = {item["id"] for item in here.items()}
    turns = {row.id: row.turn for row in rows(here).values()}
    assert kept == set(sorted(turns, key=lambda each: -turns[each])[:4])
    here.desk.next("ann")
    again = here.fill(most=1)
    assert (again.open, again.passed) == (1, 5)
    assert here.fill(most=10).open == 6


def test_a_picture_that_was_removed_is_gone_and_comes_back_with_it(here: Place) -> None:
    (image,) = add(here.sets / "yard", [Shot(1)])
    here.fill()
    with Exporter(here.sets / "yard") as exporter:
        exporter.remove([image], "disk", START, unacknowledged=True)
    assert (here.fill().gone, here.ids()) == (1, [])
    with Exporter(here.sets / "yard") as exporter:
        exporter.add(picture(1), [], about(Shot(1, more={"action_id": "again"})))
    here.fill()
    assert len(here.ids()) == 1


def test_worth_is_use_a_second() -> None:
    def labels(*confidences: float, name: str = "person") -> Any:
        with_boxes = [box(name, (1, 1, 5, 5), each) for each in confidences]
        return [type("Said", (), {"confidence": each.confidence, "category_name": each.category})() for each in with_boxes]

    seen = {"person": 90, "cat": 10}
    unsure, sure = value("low_confidence", labels(0.5), seen), value("low_confidence", labels(0.95), seen)
    assert unsure > sure
    assert value("track_gap", labels(0.5), seen) > unsure
    assert value("low_confidence", labels(0.5, name="cat"), seen) > unsure
    assert value("low_confidence", labels(*[0.5] * 20), seen) < unsure / 5, "twenty boxes take their time"
    assert value("uniform", [], {}) > 0


def test_turns_are_drawn_evenly_and_for_ever() -> None:
    draws = [draw(str(n)) for n in range(2000)]
    assert draws == [draw(str(n)) for n in range(2000)]
    assert sum(each < 0.25 for each in draws) == pytest.approx(500, abs=60)
    assert min(draws) > 0
    assert turn(3.0, "x") == 3.0 * turn(1.0, "x")


def test_what_is_named_and_is_not_there_is_said(here: Place) -> None:
    with pytest.raises(ConfigError, match="is not in"):
        here.fill(names=["nowhere"])


def test_two_who_fill_at_once_fill_once(tmp_path: Path, url: str) -> None:
    with place(tmp_path / "home", url) as here:
        add(here.sets / "yard", [Shot(n) for n in range(20)])
        failed: list[BaseException] = []

        def go() -> None:
            try:
                here.fill()
            except Exception as error:  # noqa: BLE001  whatever it is, it must not be
                failed.append(error)

        threads = [threading.Thread(target=go) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert len(here.ids()) == 20


def test_the_command_fills_lists_counts_and_goes_out_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with place(tmp_path / "home") as here:
        add(here.sets / "yard", [Shot(n) for n in range(3)])

    def said(*words: str) -> Any:
        code = main(["review", words[0], "--home", str(tmp_path / "home"), "--json", *words[1:]])
        return code, json.loads(capsys.readouterr().out)

    code, filled = said("fill", "yard", "--classes", "dog, cat")
    assert (code, filled["added"]) == (0, 3)
    assert len(said("ls", "--limit", "2")[1]["items"]) == 2
    assert said("export", str(tmp_path / "task"), "--set", "yard") == (0, {"pictures": 3})
    code, brought = said("import", str(tmp_path / "task"), "--name", "ann")
    assert (code, brought["answered"], brought["written"]) == (0, 3, 3)
    code, stats = said("stats", "--at", "person=0.9", "--since", "2026-01-01")
    assert (code, stats["states"]["done"], stats["estimates"]["person"]["recall"]["estimate"]) == (0, 3, 0.0)
    assert main(["review", "stats", "--home", str(tmp_path / "home")]) == 0
    assert "person: of 3 pictures" in capsys.readouterr().out
    assert main(["review", "ls", "--state", "done", "--home", str(tmp_path / "home")]) == 0
    assert main(["review", "stats", "--home", str(tmp_path / "home"), "--at", "person"]) == 1
