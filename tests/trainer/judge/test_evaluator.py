"""COCO's figures: hotcoco and our own matching give what pycocotools gives, on plain and on hostile sets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from contracts.errors import ConfigError
from tests.trainer.judge.grounds import HOSTILE, case_of, found_of, oracle, random_ground
from trainer.judge.evaluator import Scores
from trainer.judge.ground import Case, Found, Ground
from trainer.judge.hotcoco_evaluator import HotcocoEvaluator
from trainer.judge.matching import SIZES, column
from trainer.judge.precision import average_precision


def same(ours: Scores, theirs: Scores) -> None:
    for a, b in ((ours.overall, theirs.overall), *((ours.classes[name], theirs.classes[name]) for name in theirs.classes)):
        for key, value in b.items():
            assert a[key] == pytest.approx(value, abs=1e-6, nan_ok=True), key


def agrees(seed: int) -> None:
    """hotcoco in all figures; our matching in AP of each class, whole and by size."""
    ground, answers = random_ground(seed)
    theirs = oracle(ground, answers)
    same(HotcocoEvaluator().evaluate(ground, answers), theirs)
    for kind, name in enumerate(ground.classes):
        for key, area in (("ap", (0.0, 1e10)), *((f"ap_{size}", area) for size, area in SIZES.items())):
            mine = column(ground, answers, kind, area)
            counted = average_precision(mine.right, mine.ignored, np.ones(len(mine.case)), float(mine.wanted.sum())).mean()
            assert counted == pytest.approx(theirs.classes[name][key], abs=1e-6, nan_ok=True), (name, key)


@pytest.mark.parametrize("block", range(4))
def test_random_sets_are_counted_as_pycocotools_counts_them(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        agrees(seed)


@pytest.mark.soak
@pytest.mark.parametrize("block", range(10))
def test_a_thousand_random_sets_are_counted_as_pycocotools_counts_them(block: int) -> None:
    for seed in range(1000 + block * 100, 1100 + block * 100):
        agrees(seed)


def test_the_random_sets_hold_every_kind_of_strangeness() -> None:
    made = [random_ground(seed) for seed in range(len(HOSTILE) * 6)]
    cases = [case for ground, _ in made for case in ground.cases]
    found = [answers[case.id] for ground, answers in made for case in ground.cases]
    assert any(case.crowd.any() for case in cases)
    assert any(len(case.boxes) and (case.boxes[:, 2:] == 0).any() for case in cases)
    assert any(case.exhaustive is not None for case in cases)
    assert any(len(each.boxes) > 200 for each in found)
    assert all(not len(case.boxes) for case in made[HOSTILE.index("nothing there")][0].cases)
    assert all(not len(each.boxes) for each in made[HOSTILE.index("nothing said")][1].values())


def test_an_empty_ground_has_no_figures() -> None:
    for ground in (Ground(("a",), ()), Ground((), ())):
        assert math.isnan(HotcocoEvaluator().evaluate(ground, {}).overall["ap"])


def test_an_answer_of_a_class_that_is_not_judged_changes_nothing() -> None:
    ground = Ground(("a",), (case_of("p", [[0, 0, 10, 10]]),))
    answers = {"p": found_of([[0, 0, 10, 10], [0, 0, 10, 10]], [0.5, 0.9], [0, 7])}
    assert HotcocoEvaluator().evaluate(ground, answers).overall["ap"] == pytest.approx(1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["box", "confidence"])
def test_an_answer_that_is_no_number_is_refused_with_its_picture(value: float, where: str) -> None:
    box = [0.0, 0.0, value if where == "box" else 10.0, 10.0]
    ground = Ground(("a",), (case_of("yard-17", [[0, 0, 10, 10]]),))
    with pytest.raises(ConfigError, match="yard-17: a box or a confidence is not a number"):
        HotcocoEvaluator().evaluate(ground, {"yard-17": found_of([box], [value if where == "confidence" else 0.5])})


@pytest.mark.parametrize(("said", "words"), [(1.2, "not from 0 to 1"), (-0.1, "not from 0 to 1")])
def test_a_confidence_out_of_range_is_refused(said: float, words: str) -> None:
    ground = Ground(("a",), (case_of("p"),))
    with pytest.raises(ConfigError, match=words):
        column(ground, {"p": found_of([[0, 0, 1, 1]], [said])}, 0)


def test_a_box_turned_inside_out_is_refused() -> None:
    ground = Ground(("a",), (case_of("p"),))
    with pytest.raises(ConfigError, match="side below 0"):
        column(ground, {"p": found_of([[5, 5, -3, 2]], [0.5])}, 0)


def test_a_picture_that_was_never_asked_about_is_not_an_empty_one() -> None:
    ground = Ground(("a",), (case_of("p"), case_of("q")))
    with pytest.raises(ConfigError, match="1 pictures were never asked about, the first is q"):
        HotcocoEvaluator().evaluate(ground, {"p": Found.nothing()})


def test_a_picture_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="picture p: is there twice"):
        Ground(("a",), (case_of("p"), case_of("p")))


def test_a_label_of_no_class_or_no_number_is_refused() -> None:
    nan = case_of("p", [[0, 0, math.nan, 1]])
    for case, words in ((case_of("p", [[0, 0, 1, 1]], [3]), "none of the 1 classes"), (nan, "not a number")):
        with pytest.raises(ConfigError, match=words):
            Ground(("a",), (case,))


def test_nothing_is_a_false_alarm_where_not_everything_was_labelled() -> None:
    labelled = case_of("p", [[0, 0, 10, 10]], exhaustive=frozenset[int]())
    answers = {"p": found_of([[50, 50, 10, 10], [0, 0, 10, 10]], [0.9, 0.5])}
    assert HotcocoEvaluator().evaluate(Ground(("a",), (labelled,)), answers).overall["ap"] == pytest.approx(1.0)
    assert HotcocoEvaluator().evaluate(Ground(("a",), (case_of("p", [[0, 0, 10, 10]]),)), answers).overall["ap"] < 0.6


def test_nothing_is_a_false_alarm_in_a_region_of_doubt_but_it_is_beside_it() -> None:
    def ap(x: float) -> float:
        case: Case = case_of("p", [[0, 0, 10, 10]], ignore=[[40, 40, 60, 60]])
        answers = {"p": found_of([[x, 50, 10, 10], [0, 0, 10, 10]], [0.9, 0.5])}
        return HotcocoEvaluator().evaluate(Ground(("a",), (case,)), answers).overall["ap"]

    assert ap(50) == pytest.approx(1.0)
    assert ap(200) < 0.6
