from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dataset.marks import box
from tests.trainer.review.homes import Place, Shot, add
from trainer.review.evidence import About, estimates, matched
from trainer.review.labels import Decision, Marked

NONE: list[tuple[float, ...]] = []


def boxes(*rows: tuple[float, ...]) -> Any:
    return np.array(rows, np.float64).reshape(-1, 4)


@pytest.mark.parametrize(
    ("seen", "there", "ignored", "answer"),
    [
        ([(0, 0, 10, 10)], [(1, 0, 10, 10)], NONE, (1, 0, 0)),
        ([(0, 0, 10, 10), (1, 1, 10, 10)], [(0, 0, 10, 10)], NONE, (1, 1, 0)),  # the second of one thing is wrong
        ([(0, 0, 10, 10)], [(8, 0, 10, 10)], NONE, (0, 1, 1)),
        ([(0, 0, 10, 10)], NONE, [(0, 0, 30, 30)], (0, 0, 0)),
        (NONE, [(0, 0, 10, 10)], [(0, 0, 30, 30)], (0, 0, 0)),
        ([(0, 0, 10, 10)], [(0, 0, 10, 10)], [(0, 0, 30, 30)], (0, 0, 0)),
        (NONE, NONE, NONE, (0, 0, 0)),
        (NONE, [(0, 0, 10, 10), (20, 0, 10, 10)], NONE, (0, 0, 2)),
    ],
)
def test_what_was_seen_is_right_wrong_or_missed_and_neither_where_nothing_is_known(
    seen: Any, there: Any, ignored: Any, answer: Any
) -> None:
    assert matched(boxes(*seen), boxes(*there), boxes(*ignored)) == answer


def answered(here: Place, item: str, *there: tuple[float, float, float, float], complete: bool = True) -> None:
    marked = [Marked(box=each, category="person") for each in there]
    complete_for = ["person"] if complete else []
    here.desk.answer(item, 1, Decision(answer="boxes", boxes=marked, exhaustive_for=complete_for, seconds=1.0), "ann")


THING = (10.0, 10.0, 20.0, 20.0)


def test_of_answers_that_are_complete_each_counts_as_often_as_it_stands_for(here: Place) -> None:
    add(here.sets / "yard", [Shot(n, probability=0.5) for n in range(4)])
    add(here.sets / "yard", [Shot(10, reason="uniform", probability=0.05), Shot(11, reason="event_best", probability=1.0)])
    here.fill()
    for item in here.items(limit=10):
        answered(here, item["id"], *([THING] if item["reason"] == "uniform" else [(40.0, 30.0, 10.0, 10.0)]))
    found = estimates(here.database, About())["person"]
    assert found.pictures == 5, "what was kept on purpose says nothing of the rest"
    assert found.stands_for == 28.0
    assert found.precision.interval.estimate == pytest.approx(20 / 28)
    assert found.precision.naive == pytest.approx(1 / 5)
    assert estimates(here.database, About(points={"person": 0.9}))["person"].precision.trials == 0
    assert estimates(here.database, About(camera="elsewhere")) == {}
    narrow = About(since_us=here_us(here, 2), until_us=here_us(here, 4))
    assert estimates(here.database, narrow)["person"].pictures == 2


def here_us(here: Place, number: int) -> int:
    from dataset.records import micros
    from tests.trainer.review.homes import START

    return micros(START) + number * 1_000_000


def test_what_was_looked_at_behind_the_first_that_waits_does_not_count(here: Place) -> None:
    add(here.sets / "yard", [Shot(n, [box("person", THING, 0.5)]) for n in range(6)])
    here.fill()
    first, second, third, *_ = here.ids()
    for item in (first, third):
        answered(here, item, THING)
    assert estimates(here.database, About())["person"].pictures == 1
    answered(here, second, THING, complete=False)
    found = estimates(here.database, About())["person"]
    assert found.pictures == 2, "one of them says nothing of persons"
    here.desk.reopen(first, "ann")
    assert estimates(here.database, About())["person"].pictures == 0
