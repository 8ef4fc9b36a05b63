"""Operating points: the best F-beta or a precision asked for, on a half-way between two answers; calibration and counts at them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from contracts.errors import ConfigError
from tests.trainer.judge.grounds import case_of, found_of
from trainer.judge.calibration import expected_error, reliability
from trainer.judge.counts import counts
from trainer.judge.ground import Found, Ground
from trainer.judge.matching import column
from trainer.judge.points import NEVER, Choice, choose, parse_choice, point_at

BOXES = [[100 * n, 0, 50, 50] for n in range(4)]
# right at 0.9, 0.8 and 0.4; wrong at 0.6 and 0.3
SAID = found_of([*BOXES[:2], [900, 0, 50, 50], BOXES[2], [900, 200, 50, 50]], [0.9, 0.8, 0.6, 0.4, 0.3])
GROUND = Ground(("thing",), (case_of("p", BOXES),))


def test_the_best_f_beta_is_found_among_all_confidences() -> None:
    """F1 of the first two is 0.667, of the first four 0.75; F0.5 prefers the two."""
    best = choose(GROUND, {"p": SAID}, Choice(beta=1.0))["thing"]
    assert best.confidence == pytest.approx(0.35)
    assert (best.precision, best.recall) == (0.75, 0.75)
    assert choose(GROUND, {"p": SAID}, Choice(beta=0.5))["thing"].confidence == pytest.approx(0.7)
    assert point_at(column(GROUND, {"p": SAID}, 0), best.confidence) == best


def test_a_precision_that_is_asked_for_gets_the_most_recall() -> None:
    assert choose(GROUND, {"p": SAID}, Choice(precision=0.95))["thing"].recall == 0.5
    assert choose(GROUND, {"p": SAID}, Choice(precision=0.7))["thing"].recall == 0.75
    wrong = {"p": found_of([[900, 0, 50, 50]], [0.9])}
    assert choose(GROUND, wrong, Choice(precision=0.9))["thing"].precision == 0.0


def test_a_class_of_which_nothing_is_there_has_no_point_and_one_never_said_is_never_shown() -> None:
    ground = Ground(("thing", "ghost"), GROUND.cases)
    assert list(choose(ground, {"p": SAID}, Choice())) == ["thing"]
    assert choose(GROUND, {"p": Found.nothing()}, Choice())["thing"].confidence == NEVER


def test_answers_of_one_confidence_are_shown_all_or_none() -> None:
    said = {"p": found_of([BOXES[0], [900, 0, 50, 50]], [0.5, 0.5])}
    best = choose(Ground(("thing",), (case_of("p", BOXES[:1]),)), said, Choice())["thing"]
    assert (best.precision, best.recall) == (0.5, 1.0)


@pytest.mark.parametrize(("text", "choice"), [("f1", Choice()), ("f0.5", Choice(beta=0.5)), ("precision=0.95", Choice(precision=0.95))])
def test_a_choice_is_read(text: str, choice: Choice) -> None:
    assert parse_choice(text) == choice


@pytest.mark.parametrize("text", ["", "f", "f0", "g1", "precision=2", "precision=0.0", "recall=0.5", "f1e9"])
def test_a_choice_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write f1, f2"):
        parse_choice(text)


def test_the_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    """Two answers at 0.9, one right (gap 0.4), two at 0.5, both right (gap 0.5)."""
    said = {"p": found_of([BOXES[0], [900, 0, 50, 50], BOXES[1], BOXES[2]], [0.9, 0.9, 0.5, 0.5])}
    sums = reliability(column(GROUND, said, 0))
    assert float(expected_error(sums.count, sums.confidence, sums.right)) == pytest.approx(0.45)
    assert math.isnan(float(expected_error(np.zeros(15), np.zeros(15), np.zeros(15))))


def test_counts_say_how_far_off_and_in_which_direction() -> None:
    ground = Ground(("thing",), (case_of("p", BOXES), case_of("q", BOXES[:1])))
    answers = {"p": SAID, "q": found_of([BOXES[0], [900, 0, 50, 50], [900, 200, 50, 50]], [0.9, 0.9, 0.9])}
    counted = counts(ground, column(ground, answers, 0), 0, 0.5)
    assert counted.off.tolist() == [-1.0, 2.0]
    assert (counted.mean_error, counted.bias, counted.exact) == (1.5, 0.5, 0.0)


def test_what_nobody_counted_is_not_counted_and_doubt_is_on_neither_side() -> None:
    partial = case_of("p", BOXES, exhaustive=frozenset[int]())
    doubtful = case_of("q", BOXES[:1], ignore=[[800, 0, 300, 300]])
    ground = Ground(("thing",), (partial, doubtful))
    answers = {"p": SAID, "q": found_of([BOXES[0], [900, 0, 50, 50]], [0.9, 0.9])}
    counted = counts(ground, column(ground, answers, 0), 0, 0.5)
    assert counted.judged.tolist() == [False, True]
    assert (counted.mean_error, counted.exact) == (0.0, 1.0)
