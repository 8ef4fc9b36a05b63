"""What is the same stays calm for months, what changed is seen within hours, and what is rarely seen is not judged."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.drift.worlds import Change, World
from trainer.drift.distance import distances, psi
from trainer.drift.judging import FLOOR, LASTING, bound, judge
from trainer.drift.measures import OF_MODEL, Measure, Rows
from trainer.drift.trace import joined, rolling, trace

DAY, NORMAL = 24, 7 * 24
AT = NORMAL + 3 * DAY + 5
CONFIDENCE, SIZE = Measure("confidence", "person"), Measure("size", "person")
HISTOGRAM = st.lists(st.integers(0, 1000), min_size=5, max_size=5)


def lines(rows: dict[Measure, Rows]) -> Iterator[tuple[Measure, list[bool]]]:
    """Of each measure, hour by hour since the normal days, whether it is above its bound."""
    for measure, all_ in rows.items():
        judged = judge(measure, trace(measure.kind, all_[:NORMAL], all_[NORMAL:], NORMAL))
        yield measure, [value > 1 for value in judged.line]


def alarms(measure: Measure, over: list[bool]) -> list[int]:
    """The hours at which one begins."""
    found, run = [], 0
    for hour, each in enumerate(over):
        run = run + 1 if each else 0
        found += [hour] if run == LASTING[measure.kind] else []
    return found


def false_alarms(worlds: int, **given: float) -> Counter[bool]:
    """In 30 days each; of the model's measures and of the picture's."""
    found: Counter[bool] = Counter()
    for seed in range(worlds):
        for measure, over in lines(World(seed, **given).rows(37)):  # type: ignore[arg-type]
            found[measure.kind in OF_MODEL] += len(alarms(measure, over))
    return found


def delays(worlds: int, change: Change) -> dict[Measure, list[float]]:
    """Hours from the change to its alarm; infinite: none within six days."""
    found = defaultdict(list)
    for seed in range(1000, 1000 + worlds):
        for measure, over in lines(World(seed, change=change).rows(16)):
            after = [hour + 1 - (AT - NORMAL) for hour in alarms(measure, over) if hour >= AT - NORMAL]
            found[measure].append(float(after[0]) if after else np.inf)
    return found


def test_what_is_the_same_stays_calm() -> None:
    assert false_alarms(5)[True] == 0


@pytest.mark.parametrize(("change", "measure", "within"), [
    (Change(AT, score=-0.1), CONFIDENCE, 24), (Change(AT, size=0.7), SIZE, 24), (Change(AT, light=0.4), Measure("brightness"), 48),
])  # fmt: skip
def test_what_changed_is_seen_and_nothing_else_of_what_the_model_sees(change: Change, measure: Measure, within: int) -> None:
    found = delays(3, change)
    assert max(found[measure]) <= within
    others = [hours for other, hours in found.items() if other.kind in OF_MODEL and other != measure and change.light == 1]
    assert all(hour == np.inf for hours in others for hour in hours)


def test_night_is_held_against_night() -> None:
    """Without like hours the same days would be far from each other."""
    rows = World(3).rows(14)[Measure("brightness")]
    night = np.array([hour for hour in range(NORMAL, 2 * NORMAL) if hour % DAY < 5])
    of_night = rows[night].sum(axis=0, keepdims=True)
    like, whole = rows[night - NORMAL].sum(axis=0, keepdims=True), rows[:NORMAL].sum(axis=0, keepdims=True)
    assert distances(of_night, whole, "brightness")[0] > 0.25
    assert distances(of_night, like, "brightness")[0] < 0.05


def test_too_little_is_not_judged() -> None:
    rows = World(1, rate=0.02).rows(16)
    judged = judge(CONFIDENCE, trace("confidence", rows[CONFIDENCE][:NORMAL], rows[CONFIDENCE][NORMAL:], NORMAL))
    assert judged.state == "few"
    busy = World(1).rows(16)[CONFIDENCE]
    gone = np.vstack([busy[:NORMAL], busy[NORMAL : NORMAL + 48], np.zeros((48, 20))])
    after = judge(CONFIDENCE, trace("confidence", gone[:NORMAL], gone[NORMAL:], NORMAL))
    assert (after.state, after.since) == ("few", None)


def test_a_few_boxes_that_are_wholly_wrong_raise_no_alarm() -> None:
    """A hundredth of the usual boxes, all of them of no confidence."""
    rows = World(1).rows(16)[CONFIDENCE].copy()
    rows[AT:] = 0
    rows[AT:, 0] = rows[:NORMAL].sum() / NORMAL / 100
    assert judge(CONFIDENCE, trace("confidence", rows[:NORMAL], rows[NORMAL:], NORMAL)).state != "drift"


def test_boxes_together_see_what_each_alone_is_too_quiet_for() -> None:
    change = Change(AT, score=-0.15)
    all_ = [World(seed, rate=0.03, change=change).rows(13)[CONFIDENCE] for seed in range(12)]
    traces = [trace("confidence", rows[:NORMAL], rows[NORMAL:], NORMAL) for rows in all_]
    assert "drift" not in {judge(CONFIDENCE, each).state for each in traces}
    assert judge(CONFIDENCE, joined(traces)).state == "drift"


@settings(max_examples=100, deadline=None)
@given(HISTOGRAM, HISTOGRAM)
def test_distances_are_what_they_are_said_to_be(a: list[int], b: list[int]) -> None:
    p, q = np.array([a], float), np.array([b], float)
    found = distances(p, q, "count")[0]
    if not p.sum() or not q.sum():
        assert np.isnan(found)
        return
    assert 0 <= found <= 1 + 1e-9
    assert found == pytest.approx(distances(q, p, "count")[0])
    assert distances(p * 7, p, "count")[0] == pytest.approx(0, abs=1e-9)
    assert psi(p[0], q[0]) >= 0
    assert np.isfinite(psi(p[0], q[0]))


@settings(max_examples=50, deadline=None)
@given(st.lists(HISTOGRAM, min_size=1, max_size=40), st.integers(1, 24))
def test_rolling_sums_are_sums(rows: list[list[int]], span: int) -> None:
    array = np.array(rows, float)
    wanted = [array[n : n + span].sum(axis=0) for n in range(len(rows) - span + 1)]
    assert rolling(array, span).tolist() == [row.tolist() for row in wanted]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=200))
def test_no_normal_day_was_above_the_bound(normal: list[float]) -> None:
    assert bound(np.array(normal), FLOOR["count"]) >= max(*normal, FLOOR["count"])


@pytest.mark.soak
def test_the_figures_of_the_design_page(capsys: pytest.CaptureFixture[str]) -> None:
    """200 cameras for 30 days each of three kinds; 60 cameras for each change."""
    kinds: dict[str, dict[str, float]] = {"street": {}, "quiet": {"rate": 0.3}, "changeable weather": {"weather": 0.6}}
    told = {name: {("model" if of else "picture"): n for of, n in false_alarms(200, **given).items()} for name, given in kinds.items()}
    changes = {
        "confidence -0.05": Change(AT, score=-0.05), "confidence -0.1": Change(AT, score=-0.1), "size x 0.7": Change(AT, size=0.7),
        "people x 0.5": Change(AT, people=0.5), "people x 3": Change(AT, people=3), "light x 0.7": Change(AT, light=0.7),
        "light x 0.4, confidence -0.1": Change(AT, light=0.4, score=-0.1),
    }  # fmt: skip
    found = {
        name: {m.name: [round(float(np.mean(np.isfinite(hours))), 2), float(np.median(hours))] for m, hours in delays(60, change).items()}
        for name, change in changes.items()
    }
    with capsys.disabled():
        sys.stdout.write(json.dumps({"false alarms in 200 camera-months": told, "share found, median hours": found}, indent=1) + "\n")
    assert told["street"]["model"] <= 4
    assert told["quiet"]["model"] <= 20
