"""Lines: who crosses which way, against exact geometry and a plain two-threshold switch; jitter, leaps, ends, counts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.errors import ConfigError
from contracts.event import Event
from device.pipeline.context import CameraContext, Context
from device.pipeline.line import Line
from device.stages.lines import Lines
from device.stages.track import Track
from tests.device.stages.world import HEIGHT, MS, WIDTH, Film, S, Walker, boxes, context, end, every, line, run, scene
from vision.types import Scene

STEP = 100 * MS
DOOR = Line(points=((0.5, 0.0), (0.5, 1.0)), anchor="center")  # down the middle: looking down, its right is the picture's left


def about(fps: float = 10, /, **lines: Line) -> Context:
    plain = context(fps=fps)
    cameras = {name: CameraContext(each.identity, detection_fps=fps, lines=lines) for name, each in plain.cameras.items()}
    return Context(plain.clock, plain.tally, plain.device_id, cameras, plain.open_detector, 1, plain.snapshot)


def at(*places: tuple[int, float, float], class_id: int = 0) -> Any:
    """(track, x, y) of the middle of a box, in 0..1."""
    rows = [(x * WIDTH - 10, y * HEIGHT - 20, x * WIDTH + 10, y * HEIGHT + 20, 0.9, class_id) for _, x, y in places]
    return boxes(*rows, track=np.array([track for track, _, _ in places], np.int64))


def walk(*places: tuple[float, float], track: int = 1) -> list[Scene]:
    return [scene(n * STEP, at((track, x, y)), n) for n, (x, y) in enumerate(places)]


def crossings(scenes: list[Scene], **lines: Line) -> list[Event]:
    events = run([Lines(Lines.Options(), about(**lines))], scenes, end(10**12))[1]
    assert [event.life for event in events] == ["new", "end"] * (len(events) // 2)
    return events[::2]


def across(*xs: float, y: float = 0.5, **lines: Line) -> list[tuple[Any, int]]:
    found = crossings(walk(*((x, y) for x in xs)), **(lines or {"door": DOOR}))
    return [(event.data["direction"], event.start_pts_ns // STEP) for event in found]


def test_a_crossing_has_its_direction_its_first_sample_beyond_and_the_counts() -> None:
    there = crossings(walk((0.7, 0.5), (0.6, 0.5), (0.4, 0.5), (0.3, 0.5), (0.45, 0.5), (0.6, 0.5)), door=DOOR)
    assert [event.data for event in there] == [
        {"line": "door", "direction": "in", "in": 1, "out": 0},
        {"line": "door", "direction": "out", "in": 1, "out": 1},
    ]
    first = there[0]
    assert (first.kind, first.label, first.track, first.frame_number, first.start_pts_ns) == ("crossed", "person", 1, 2, 2 * STEP)
    assert first.box == (0.4 * WIDTH - 10, 160.0, 0.4 * WIDTH + 10, 200.0)


def test_the_ends_swapped_turn_the_direction_around() -> None:
    swapped = Line(points=DOOR.points[::-1], anchor="center")
    assert across(0.6, 0.4) == [("in", 1)]
    assert across(0.6, 0.4, door=swapped) == [("out", 1)]


def test_in_is_from_the_left_to_the_right_of_first_to_second() -> None:
    """A line drawn from left to right: whoever comes down the picture goes in."""
    level = Line(points=((0.0, 0.5), (1.0, 0.5)), anchor="center")
    down, up = walk((0.5, 0.3), (0.5, 0.7)), walk((0.5, 0.7), (0.5, 0.3))
    assert [crossings(each, level=level)[0].data["direction"] for each in (down, up)] == ["in", "out"]


@pytest.mark.parametrize("xs", [(0.7, 0.505, 0.498, 0.503, 0.497, 0.7), (0.7, 0.498, 0.7), (0.502, 0.498, 0.501), (0.498, 0.4), (0.4,)])
def test_who_sways_turns_around_or_begins_on_the_line_has_not_crossed(xs: tuple[float, ...]) -> None:
    assert across(*xs) == []


def test_who_sways_while_crossing_is_counted_once_with_the_last_sample_that_went_through() -> None:
    assert across(0.7, 0.498, 0.502, 0.497, 0.4, 0.3) == [("in", 3)]
    assert across(0.7, 0.498, 0.497, 0.496, 0.3) == [("in", 1)], "the first beyond, though it was not yet clear"


def test_who_leaps_over_the_line_between_two_samples_has_crossed_it() -> None:
    assert across(0.99, 0.01) == [("in", 1)]
    short = Line(points=((0.5, 0.4), (0.5, 0.6)), anchor="center")
    assert across(0.99, 0.01, door=short) == [("in", 1)]
    assert across(0.99, 0.01, y=0.7, door=short) == [], "past its end"


def test_who_goes_around_an_end_has_not_crossed_and_back_through_it_has() -> None:
    short = Line(points=((0.5, 0.4), (0.5, 0.6)), anchor="center")
    around = [(0.6, 0.5), (0.6, 0.8), (0.4, 0.8), (0.4, 0.5)]
    assert crossings(walk(*around), door=short) == []
    assert [event.data["direction"] for event in crossings(walk(*around, (0.6, 0.5)), door=short)] == ["out"]


def test_where_two_lines_meet_one_of_them_is_crossed() -> None:
    upper = Line(points=((0.5, 0.0), (0.5, 0.5)), anchor="center")
    lower = Line(points=((0.5, 0.5), (0.5, 1.0)), anchor="center")
    assert [event.data["line"] for event in crossings(walk((0.6, 0.5), (0.4, 0.5)), upper=upper, lower=lower)] == ["lower"]


def test_the_anchor_and_the_labels_of_a_line_count() -> None:
    low = Line(points=((0.0, 0.5), (1.0, 0.5)), anchor="bottom")
    assert [e.frame_number for e in crossings(walk((0.5, 0.4), (0.5, 0.46), (0.5, 0.6)), low=low)] == [1], "the foot, not the middle"
    cars = Line(points=DOOR.points, anchor="center", labels=("car",))
    people = walk((0.6, 0.5), (0.4, 0.5))
    assert crossings(people, door=cars) == []
    driven = [scene(n * STEP, at((1, x, 0.5), class_id=1), n) for n, x in enumerate((0.6, 0.4))]
    assert len(crossings(driven, door=cars)) == 1


def test_samples_without_an_answer_or_without_the_track_do_not_matter() -> None:
    scenes = walk((0.7, 0.5), (0.6, 0.5))
    scenes += [scene(2 * STEP, boxes(status="timeout"), 2), scene(3 * STEP, at((2, 0.9, 0.9)), 3), scene(4 * STEP, at((1, 0.3, 0.5)), 4)]
    assert [event.frame_number for event in crossings(scenes, door=DOOR)] == [4]


def test_tracks_are_counted_each_by_itself_and_boxes_of_none_not_at_all() -> None:
    scenes = [
        scene(0, at((1, 0.6, 0.2), (2, 0.4, 0.5), (-1, 0.6, 0.8))),
        scene(STEP, at((2, 0.6, 0.5), (1, 0.4, 0.2), (-1, 0.4, 0.8)), 1),
    ]
    found = crossings(scenes, door=DOOR)
    assert [(event.track, event.data["direction"], event.data["in"], event.data["out"]) for event in found] == [
        (1, "in", 1, 0),
        (2, "out", 1, 1),
    ]
    assert found[0].id != found[1].id


def test_a_pipeline_without_tracks_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="put a `track` stage before `lines`"):
        run([Lines(Lines.Options(), about(door=DOOR))], [scene(0, boxes((1, 1, 9, 9, 0.9, 0)))])


def test_a_camera_without_lines_gives_nothing() -> None:
    assert run([Lines(Lines.Options(), context())], [scene(0, boxes((1, 1, 9, 9, 0.9, 0)))])[1] == []


@given(st.lists(st.floats(0.4, 0.6), min_size=1, max_size=60), st.sampled_from((0.0, 0.01, 0.03)))
def test_across_the_whole_picture_it_is_a_switch_with_two_thresholds(xs: list[float], margin: float) -> None:
    """In and out take turns, however much it sways."""
    expected, side = [], 0
    for x in xs:
        middle = (round(x * WIDTH - 10, 2) + round(x * WIDTH + 10, 2)) / 2  # as boxes come: float32, two decimals
        off = (WIDTH / 2 - middle) / HEIGHT
        now = (off > margin + 1e-4) - (off < -margin - 1e-4)
        if not now and abs(off) > max(0.0, margin - 1e-4) and margin:
            return  # too near a threshold to tell in float32
        if not margin and 0 < abs(off) <= 1e-4:
            return
        if now and side and now != side:
            expected.append("in" if now > 0 else "out")
        side = now or side
    wide = Line(points=DOOR.points, anchor="center", margin=margin)
    assert [direction for direction, _ in across(*xs, door=wide)] == expected


GRID = st.tuples(st.integers(0, 32), st.integers(0, 18))  # of 20 pixels: exact in float32


@given(st.lists(GRID, min_size=2, max_size=25))
def test_every_straight_way_through_the_line_and_no_other_is_a_crossing(places: list[tuple[int, int]]) -> None:
    """Without a margin; against orientations of triangles in exact numbers."""
    first, second = (0.36719, 0.21289), (0.58203, 0.83789)  # on no line through two points of the grid
    a, b = [(Fraction(x) * WIDTH, Fraction(y) * HEIGHT) for x, y in (first, second)]
    expected = []
    for n, (one, two) in enumerate(pairwise(places), 1):
        p, q = [(Fraction(x * 20), Fraction(y * 20)) for x, y in (one, two)]
        if turn(a, b, p) * turn(a, b, q) < 0 and turn(p, q, a) * turn(p, q, b) < 0:
            expected.append(("in" if turn(a, b, q) > 0 else "out", n))
    exact = Line(points=(first, second), anchor="center", margin=0)
    found = crossings(walk(*((x / 32, y / 18) for x, y in places)), gate=exact)
    assert [(event.data["direction"], event.frame_number) for event in found] == expected


def turn(a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction], c: tuple[Fraction, Fraction]) -> Fraction:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def from_its_beginning(walker: Walker) -> Walker:
    """At its first place when it begins."""
    return replace(walker, at=lambda t: walker.at(t - walker.begin))


@pytest.mark.parametrize("fps", [2, 5, 10, 25])
def test_people_who_walk_through_are_counted_at_any_rate_with_jitter_and_misses(fps: float) -> None:
    """Six go to the right, four to the left, one comes to the line and turns back."""
    going = [Walker(line(-20, 60 + 50 * n, 90), begin=n, end=12.0 + n) for n in range(6)]
    coming = [Walker(line(WIDTH + 20, 85 + 60 * n, -80), begin=15.0 + n) for n in range(4)]
    film = Film([*map(from_its_beginning, (*going, *coming))], jitter_px=2.0, miss=0.05 if fps >= 5 else 0.0, seed=3)
    lines = about(fps, door=Line(points=((0.5, 0.0), (0.5, 1.0)), margin=0.02))
    events = run([Track(Track.Options(), lines), Lines(Lines.Options(), lines)], film.scenes(every(fps, 30)), end(30 * S))[1]
    assert events[-1].data["out"] == 6
    assert events[-1].data["in"] == 4
    assert len({event.id for event in events}) == 10


@pytest.mark.parametrize(
    ("points", "what"),
    [
        (((0.1, 0.1),), "a line has 2 ends, not 1"),
        (((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)), "not 3"),
        (((0.1, 0.1), (0.1, 0.1)), "both ends are the same point"),
        (((0.1, 0.1), (1.2, 0.1)), "is outside the picture"),
        (((0.1, 0.1), (float("nan"), 0.1)), "finite number"),
    ],
)
def test_what_is_no_line_is_refused(points: Any, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Line(points=points)
