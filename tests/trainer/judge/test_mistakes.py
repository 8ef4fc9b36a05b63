"""Kinds of mistakes: each wrong answer has one, each thing that was not found has one at most."""

from __future__ import annotations

import pytest

from tests.trainer.judge.grounds import case_of, found_of, random_ground
from trainer.judge.ground import Ground
from trainer.judge.matching import column
from trainer.judge.mistakes import KINDS, mistakes, tally

CLASSES = ("person", "car")
THING = [0.0, 0.0, 100.0, 100.0]
FAR = [500.0, 500.0, 50.0, 50.0]
HALF = [0.0, 0.0, 100.0, 30.0]  # IoU 0.3


def kinds(boxes: list[list[float]], classes: list[int], confidence: list[float] | None = None, **case: object) -> list[str]:
    ground = Ground(CLASSES, (case_of("p", [THING], [0], **case),))
    said = found_of(boxes, confidence or [0.9 - 0.01 * n for n in range(len(boxes))], classes)
    return [each.kind for each in mistakes(ground, {"p": said}, dict.fromkeys(CLASSES, 0.5))]


@pytest.mark.parametrize(
    ("boxes", "classes", "told"),
    [
        ([THING], [0], []),
        ([THING], [1], ["classification"]),
        ([HALF], [0], ["localisation"]),
        ([HALF], [1], ["both", "missed"]),
        ([THING, THING], [0, 0], ["duplicate"]),
        ([THING, HALF], [0, 0], ["duplicate"]),
        ([FAR, THING], [0, 0], ["background"]),
        ([FAR], [0], ["background", "missed"]),
        ([], [], ["missed"]),
    ],
)
def test_a_mistake_has_its_kind(boxes: list[list[float]], classes: list[int], told: list[str]) -> None:
    assert kinds(boxes, classes) == told


def test_what_is_below_the_operating_point_or_in_a_region_of_doubt_is_no_mistake() -> None:
    assert kinds([THING, FAR], [0, 0], [0.9, 0.4]) == []
    assert kinds([THING, FAR], [0, 0], ignore=[[400, 400, 300, 300]]) == []
    assert kinds([THING, FAR], [0, 0], exhaustive=frozenset[int]()) == []


def test_mistakes_are_as_many_as_false_alarms_and_no_more_is_missed_than_was_there() -> None:
    for seed in range(120):
        ground, answers = random_ground(seed)
        points = dict.fromkeys(ground.classes, 0.3)
        found = mistakes(ground, answers, points)
        wrong = missing = 0
        for kind in range(len(ground.classes)):
            each = column(ground, answers, kind)
            shown = each.confidence >= 0.3
            wrong += int((shown & ~each.right[0] & ~each.ignored[0]).sum())
            missing += int(each.wanted.sum() - (shown & each.right[0]).sum())
        if all(len(answers[case.id].boxes) <= 100 for case in ground.cases):
            assert sum(each.kind != "missed" for each in found) == wrong
        assert sum(each.kind == "missed" for each in found) <= missing
        assert sum(sum(row.values()) for row in tally(found).values()) == len(found)
        assert {kind for row in tally(found).values() for kind in row} <= set(KINDS)
