from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid5

import numpy as np
import pytest

from contracts.event import NAMESPACE, Event
from contracts.wire import utc_from_ns
from device.export.budget import FREE_BYTES, Budget
from device.export.choice import Choice, Pick, draw
from device.export.export_options import ExportOptions
from device.export.masks import masked
from device.export.said import marks_of, states_of
from vision.planes import BgrPlanes
from vision.types import Detections, Frame, Scene

STEP_NS = 100_000_000
START_NS = 1_767_322_800_000_000_000


def scene(number: int, boxes: tuple[tuple[float, float, float, float, float, int], ...] = (), **more: Any) -> Scene:
    """Boxes are x1, y1, x2, y2, confidence, track."""
    picture = np.full((48, 64, 3), number % 256, np.uint8)
    frame = Frame("yard", number, number * STEP_NS, number * STEP_NS, START_NS + number * STEP_NS, BgrPlanes(picture))
    rows = np.array(boxes, np.float32).reshape(-1, 6)
    found = Detections(rows[:, :4], rows[:, 4], np.zeros(len(rows), np.int32), {"track": rows[:, 5].astype(int)}, more.pop("status", "ok"))
    return Scene(frame, found, ("person",), **more)


def event(life: str, number: int, track: int = 1) -> Event:
    at = utc_from_ns(START_NS)
    return Event(
        id=uuid5(NAMESPACE, str(track)), life=life, kind="object", camera="yard", confidence=0.5, start=at, t=at,  # type: ignore[arg-type]
        start_pts_ns=0, pts_ns=number * STEP_NS, track=track,
    )  # fmt: skip


def picked(options: ExportOptions, scenes: list[Scene]) -> Iterator[Pick]:
    choice = Choice(options)
    for each in scenes:
        yield from choice.picks(each, "session")
    yield from choice.rest()


def visit(last: int = 9) -> list[Scene]:
    """Nearest in scene 5, gone in scene `last`."""
    scenes = [scene(n, ((10, 10, 20 + 8 * (5 - abs(5 - n)), 30, 0.8, 1),)) for n in range(last)]
    scenes[1] = scene(1, ((10, 10, 20, 30, 0.8, 1),), events=(event("new", 1),))
    return [*scenes, scene(last, events=(event("end", last - 1),))]


def test_of_an_event_first_best_and_last_are_kept_each_with_its_event() -> None:
    picks = list(picked(ExportOptions(events=("first", "best", "last")), visit()))
    assert [(pick.reason, pick.scene.frame.seq, pick.probability) for pick in picks] == [
        ("event_first", 1, 1.0), ("event_best", 5, 1.0), ("event_last", 8, 1.0),
    ]  # fmt: skip
    assert {pick.event.id for pick in picks if pick.event} == {event("new", 0).id}


def test_of_what_no_track_follows_the_scene_that_tells_of_it_is_kept() -> None:
    """A screen, found by pictures: there is no track, and no model either."""
    still = event("new", 1).model_copy(update={"track": None})
    scenes = [scene(0), scene(1, events=(still,)), scene(2), scene(3, events=(still.model_copy(update={"life": "end"}),))]
    assert [(pick.reason, pick.scene.frame.seq) for pick in picked(ExportOptions(), scenes)] == [("event_best", 1)]
    whole = ExportOptions(events=("first", "best", "last"))
    assert [(pick.reason, pick.scene.frame.seq) for pick in picked(whole, scenes)] == [("event_first", 1)]


def test_a_scene_is_kept_once_of_an_event_whatever_it_is_of_it() -> None:
    assert [pick.reason for pick in picked(ExportOptions(events=("first", "best", "last")), visit(2))] == ["event_first"]


def test_an_event_without_an_end_is_kept_at_the_end() -> None:
    assert [pick.reason for pick in picked(ExportOptions(), visit()[:-1])] == ["event_best"]


def test_the_schedule_keeps_one_an_interval_and_says_how_likely_each_was() -> None:
    picks = list(picked(ExportOptions(every_s=1.0), [scene(n) for n in range(100)]))
    assert [pick.scene.frame.seq for pick in picks] == list(range(10, 100, 10))
    assert {round(pick.probability, 6) for pick in picks} == {0.1}


@pytest.mark.parametrize(
    ("options", "boxes", "status", "reason"),
    [
        ({"background_probability": 0.25}, (), "ok", "background"),
        ({"background_probability": 0.25}, (), "timeout", None),
        ({"background_probability": 0.25}, ((1, 1, 9, 9, 0.9, 1),), "ok", None),
        ({"uncertain_probability": 0.25}, ((1, 1, 9, 9, 0.3, 1),), "ok", "uncertain"),
        ({"uncertain_probability": 0.25}, ((1, 1, 9, 9, 0.9, 1),), "ok", None),
    ],
)
def test_a_rule_keeps_its_part_of_the_frames_it_fits(options: dict[str, Any], boxes: Any, status: str, reason: str | None) -> None:
    picks = list(picked(ExportOptions(**options), [scene(n, boxes, status=status) for n in range(2000)]))
    assert {(pick.reason, pick.probability) for pick in picks} == ({(reason, 0.25)} if reason else set())
    assert len(picks) == (pytest.approx(500, abs=60) if reason else 0)


def test_weighed_by_their_probability_the_kept_stand_for_all() -> None:
    """Horvitz-Thompson: the sum of 1/p over those kept estimates how many there were, whichever rules kept them."""
    options = ExportOptions(uncertain_probability=0.3, every_s=1.0)
    scenes = [scene(n, ((1, 1, 9, 9, 0.3 if n % 3 else 0.9, 1),)) for n in range(1, 3001)]
    picks = list(picked(options, scenes))
    assert sum(1 / pick.probability for pick in picks) == pytest.approx(3000, rel=0.12)
    assert len(Counter(pick.reason for pick in picks)) == 2


def test_draws_are_even_and_the_same_in_every_run() -> None:
    draws = [draw("session", "yard", "background", str(n)) for n in range(4000)]
    assert draws == [draw("session", "yard", "background", str(n)) for n in range(4000)]
    assert np.histogram(draws, 4, (0, 1))[0].tolist() == pytest.approx([1000] * 4, abs=120)


def test_pictures_held_for_open_events_are_bounded() -> None:
    options = ExportOptions(held=4)
    choice = Choice(options)
    kept = [pick for n in range(20) for pick in choice.picks(scene(n, ((1, 1, 9, 9, 0.9, n),), events=(event("new", n, n),)), "s")]
    assert choice.open <= 2
    assert len(kept) >= 18


def test_so_much_an_hour_and_then_no_more_until_time_has_passed() -> None:
    budget = Budget(ExportOptions(max_mb_per_hour=600), None)
    assert budget.refuses(START_NS) == ""
    budget.spend(10_000_001)
    assert budget.refuses(START_NS) == "budget"
    assert budget.refuses(START_NS + 1_000_000_000) == ""
    assert budget.refuses(START_NS - 10**12) == "", "a clock that was set back takes nothing away"


def test_no_more_than_a_share_of_what_clips_take() -> None:
    clips = [0]
    budget = Budget(ExportOptions(max_mb_per_hour=10_000, max_share=0.25), lambda: clips[0])
    budget.spend(FREE_BYTES + 1_000_000)
    assert budget.refuses(START_NS) == "share"
    clips[0] = 4_000_000
    assert budget.refuses(START_NS) == ""


def test_a_mask_is_black_and_nothing_is_said_of_it() -> None:
    picture = np.full((40, 80, 3), 200, np.uint8)
    painted, regions = masked(picture, [[(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]])
    assert painted[:19, :39].max() == 0
    assert painted[25:, 45:].min() == 200
    assert picture.min() == 200
    assert [(region.bbox, region.reason) for region in regions] == [((0, 0, 40, 20), "mask")]


def test_marks_are_cut_at_the_edge_and_strange_labels_go_by_their_number() -> None:
    found = scene(1, ((-5, 10, 20, 30, 0.5, 3), (70, 50, 90, 90, 0.5, 4)))
    (mark,) = marks_of(found)
    assert (mark.category, mark.bbox, mark.track) == ("person", (0.0, 10.0, 20.0, 20.0), 3)
    (strange,) = marks_of(Scene(found.frame, found.detections, ("a\nb",)))
    assert strange.category == "class 0"


def test_zones_and_states_are_what_is_active() -> None:
    found = scene(1, ((1, 1, 9, 9, 0.9, 1),))
    zones = np.empty(1, object)
    zones[:] = [("door", "yard")]
    stated = Scene(found.frame, found.detections.with_data(zones=zones), features={"states": ("in_raid",)})
    assert states_of(stated) == ("door", "in_raid", "yard")
