from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from device.export.choice import Choice
from device.export.doubts import Doubts
from device.export.export_options import ExportOptions
from device.pipeline.doubts import REFUSED_TRANSITION, doubted
from tests.device.export.test_choice import START_NS, STEP_NS, scene
from vision.planes import BgrPlanes
from vision.types import Detections, Frame, Scene

Box = tuple[float, float, float, float, float, int]
INSIDE: Box = (30, 20, 40, 30, 0.9, 1)


def options(**review: Any) -> ExportOptions:
    return ExportOptions(review={"per_day": 10, "apart_s": 0, **review})


def shown(
    number: int, boxes: tuple[Box, ...] = (), speed: tuple[float, float] = (0.0, 0.0), looks: int | None = None, **more: Any
) -> Scene:
    """A picture unlike the others, unless `looks` says which."""
    small = np.random.default_rng(number if looks is None else looks).integers(0, 255, (8, 8, 3), np.uint8)
    picture = np.kron(small, np.ones((6, 8, 1), np.uint8))
    rows = np.array(boxes, np.float32).reshape(-1, 6)
    columns = {"track": rows[:, 5].astype(int), "velocity": np.tile(np.array(speed, np.float32), (len(rows), 1))}
    found = Detections(rows[:, :4], rows[:, 4], np.zeros(len(rows), np.int32), columns, more.pop("status", "ok"))
    at = number * STEP_NS
    return Scene(Frame("yard", number, at, at, START_NS + at, BgrPlanes(picture)), found, ("person",), **more)


def reasons(given: ExportOptions, scenes: list[Scene]) -> list[tuple[int, str]]:
    doubts = Doubts(given)
    return [(each.frame.seq, found.reason) for each in scenes if (found := doubts.of(each))]


def test_a_box_in_the_band_is_a_doubt_and_the_middle_of_it_the_greatest() -> None:
    doubts = Doubts(options())
    weights = [doubts.of(shown(n, ((5, 5, 20, 20, c, -1),))) for n, c in enumerate((0.2, 0.26, 0.375, 0.49, 0.6))]
    assert [each.reason if each else None for each in weights] == [None, *["low_confidence"] * 3, None]
    low, middle, high = (each.weight for each in weights[1:4] if each)
    assert middle == pytest.approx(1.0, abs=0.01)
    assert max(low, high) < 0.2


def test_what_was_followed_and_is_gone_inside_the_picture_is_a_doubt_whether_it_is_found_again_or_not() -> None:
    there = [shown(n, (INSIDE,)) for n in range(4)]
    assert reasons(options(), [*there, shown(4), shown(5), shown(6, (INSIDE,))]) == [(4, "track_gap")]
    again = [*there, shown(4), *(shown(n, (INSIDE,)) for n in range(5, 9)), shown(9)]
    assert reasons(options(), again) == [(4, "track_gap"), (9, "track_gap")]


@pytest.mark.parametrize(
    ("box", "speed", "looks", "answer"),
    [
        ((1, 20, 12, 30, 0.9, 1), (0.0, 0.0), 3, []),  # at the edge
        ((30, 20, 40, 47.9, 0.9, 1), (0.0, 0.0), 3, []),  # at the bottom
        ((40, 20, 50, 30, 0.9, 1), (200.0, 0.0), 3, []),  # was about to leave
        ((40, 20, 50, 30, 0.9, 1), (-50.0, 0.0), 3, [(3, "track_gap")]),
        (INSIDE, (0.0, 0.0), 4, []),  # seen too seldom to be believed
    ],
)
def test_who_leaves_by_the_edge_leaves_no_doubt(box: Box, speed: tuple[float, float], looks: int, answer: list[tuple[int, str]]) -> None:
    scenes = [*(shown(n, (box,), speed) for n in range(3)), shown(3)]
    assert reasons(options(least_looks=looks), scenes) == answer


def test_no_answer_is_no_gap() -> None:
    scenes = [*(shown(n, (INSIDE,)) for n in range(4)), shown(4, status="timeout"), shown(5, (INSIDE,)), shown(6, (INSIDE,))]
    assert reasons(options(), scenes) == []


def test_what_a_stage_doubted_is_one_and_the_gravest_gives_its_name() -> None:
    both = doubted(doubted(shown(1, ((5, 5, 20, 20, 0.3, -1),)), REFUSED_TRANSITION), REFUSED_TRANSITION)
    assert both.features["doubts"] == (REFUSED_TRANSITION,)
    found = Doubts(options()).of(both)
    assert found is not None
    assert found.reason == REFUSED_TRANSITION
    assert found.weight > 3
    strange = Scene(both.frame, Detections.none(), (), {"doubts": ("nonsense", 3)})
    assert Doubts(options()).of(strange) is None


def test_the_same_doubt_again_too_soon_or_in_a_picture_that_looks_the_same_is_none() -> None:
    unsure: tuple[Box, ...] = ((5, 5, 20, 20, 0.3, -1),)
    assert [n for n, _ in reasons(options(apart_s=1.0), [shown(n, unsure) for n in range(25)])] == [0, 10, 20]
    assert [n for n, _ in reasons(options(), [shown(n, unsure, looks=n % 3) for n in range(25)])] == [0, 1, 2]


def test_a_doubt_waits_for_its_day_with_the_probability_of_the_other_rules() -> None:
    given = ExportOptions(review={"per_day": 5, "uniform_s": 10, "apart_s": 0}, uncertain_probability=0.2)
    choice = Choice(given)
    picks = [pick for n in range(2000) for pick in choice.picks(shown(n, ((5, 5, 20, 20, 0.3, -1),) if n % 2 else ()), "session")]
    waiting = [pick for pick in picks if pick.weight]
    assert len(waiting) == 1000
    assert {round(pick.probability, 6) for pick in waiting if pick.scene.frame.seq > 1} == {round(1 - 0.99 * 0.8, 6)}
    assert sum(bool(pick.sure) for pick in waiting) == pytest.approx(208, abs=50)
    chance = [pick for pick in picks if not pick.weight]
    assert {pick.reason for pick in chance} == {"uniform"}
    assert len(chance) == pytest.approx(10, abs=9)
    assert {round(pick.probability, 6) for pick in chance} == {0.01}


def test_uniform_pictures_are_so_many_by_time_however_often_it_looks() -> None:
    choice = Choice(ExportOptions(review={"uniform_s": 10}))
    kept = [p for n in range(20_000) for p in choice.picks(scene(n), "s")]
    assert len(kept) == pytest.approx(200, abs=45)
    assert sum(1 / pick.probability for pick in kept) == pytest.approx(20_000, rel=0.2)
