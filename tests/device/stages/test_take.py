"""Takes: so many frames in a row begin one, so many without end it, in media time and always the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from contracts.event import Event
from contracts.wire import utc_from_ns
from device.pipeline.taking import TakeRules
from device.pipeline.zone import Zone
from device.stages.take import Take
from tests.device.stages.world import MS, WALL_NS, boxes, context, end, run, scene

LANE = ((0.4, 0.0), (0.6, 0.0), (0.6, 1.0), (0.4, 1.0))
STEP = 20 * MS
IN, OUT = (310, 100, 330, 120, 0.9, 0), (10, 100, 30, 120, 0.9, 0)


def take(**rules: Any) -> Take:
    about = context({"left": {"lane": Zone(points=LANE, anchor="center")}}, fps=50)
    return Take(Take.Options(), replace(about, taking=TakeRules(**{"kind": "pitch", "gate": "lane", **rules})))


def frames(pattern: str, camera: str = "left", start: int = 0) -> list[Any]:
    """One frame a letter: `x` something in the gate, `o` something beside it, `.` nothing, `?` no answer."""
    found = {"x": boxes(IN), "o": boxes(OUT), ".": boxes(), "?": boxes(status="timeout")}
    return [scene(start + n * STEP, found[letter], n, camera) for n, letter in enumerate(pattern)]


def told(pattern: str, **rules: Any) -> list[tuple[str, int, int]]:
    """(life, frame of the start, frame it is about) of every event."""
    _, events = run([take(**rules)], frames(pattern), end(len(pattern) * STEP))
    return [(event.life, event.start_pts_ns // STEP, event.pts_ns // STEP) for event in events]


def test_five_frames_in_a_row_begin_a_take_and_ten_without_end_it() -> None:
    scenes, events = run([take()], frames("..xxxxxxx.........." + "."))
    assert [len(each.events) for each in scenes].index(1) == 6, "told with the fifth"
    new, over = events
    assert (new.life, new.kind, new.start_pts_ns, new.pts_ns) == ("new", "pitch", 2 * STEP, 6 * STEP)
    assert (over.life, over.pts_ns, over.end) == ("end", 8 * STEP, utc_from_ns(WALL_NS + 8 * STEP))
    assert new.id == over.id
    assert (new.box, new.frame_size, new.label, new.zones) == ((310, 100, 330, 120), (640, 360), "person", ["lane"])


@pytest.mark.parametrize("pattern", ["xxxx.xxxx", "ooooooooo", "xxooxxxx."])
def test_a_row_that_is_too_short_or_beside_the_gate_is_none(pattern: str) -> None:
    assert told(pattern) == []


def test_a_short_gap_does_not_end_it_and_the_end_is_when_it_was_last_seen() -> None:
    assert told("xxxxx.........x..........") == [("new", 0, 4), ("end", 0, 14)]


def test_a_frame_without_an_answer_neither_counts_nor_breaks_a_row() -> None:
    assert told("xx?xx?x" + "?" * 30 + ".........") == [("new", 0, 6), ("end", 0, 6)]
    assert told("xxx??") == []


def test_the_end_of_the_film_ends_it() -> None:
    _, events = run([take()], frames("xxxxxx"), end(6 * STEP, reason="stopped"))
    assert [(event.life, event.data) for event in events] == [("new", {}), ("end", {"reason": "stopped"})]


def test_a_stretch_in_which_nobody_looked_ends_it() -> None:
    stage = take()
    _, before = run([stage], frames("xxxxxx"))
    _, after = run([stage], frames("xx", start=5_000 * MS))
    assert [event.life for event in before + after] == ["new", "end"]
    assert after[0].data == {"reason": "nobody looked"}
    assert after[0].pts_ns == 5 * STEP


def test_a_take_that_never_ends_is_cut_and_goes_on_in_the_next() -> None:
    rows = told("x" * 30, longest_ns=10 * STEP)
    assert rows == [("new", 0, 4), ("end", 0, 10), ("new", 11, 15), ("end", 11, 21), ("new", 22, 26), ("end", 22, 29)]


def test_other_cameras_decide_nothing() -> None:
    stage = take(camera="left")
    _, events = run([stage], frames("xxxxxxxxxx", "right"), end(9, "right"))
    assert events == []


def test_without_a_gate_the_whole_picture_counts_and_other_classes_do_not() -> None:
    assert told("ooooo", gate=None)[0] == ("new", 0, 4)
    assert told("ooooo", gate=None, labels=("car",)) == []


@pytest.mark.parametrize(
    ("rules", "words"), [({"gate": "plate"}, "its zones are: lane"), ({"camera": "middle"}, "cameras are: left, right")]
)
def test_a_gate_or_a_camera_that_is_not_there_is_the_owners_to_mend(rules: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        take(**rules)


@given(st.text("xo.?", max_size=80), st.text("x.", max_size=80))
def test_takes_come_one_after_another_and_do_not_depend_on_the_other_camera(left: str, right: str) -> None:
    alone = told(left)
    stage = take()
    mixed: list[Event] = []
    lefts, rights = frames(left), frames(right, "right")
    order: Sequence[Any] = sorted([*lefts, *rights], key=lambda each: (each.frame.camera < "m", each.frame.seq % 7, each.frame.seq))
    others = [each for each in order if each.frame.camera == "right"]
    for n, each in enumerate(lefts):
        mixed += run([stage], [*others[n : n + 1], each])[1]
    mixed += list(stage.finish(end(len(left) * STEP)))
    assert [(event.life, event.start_pts_ns // STEP, event.pts_ns // STEP) for event in mixed] == alone
    assert [life for life, _, _ in alone] == ["new", "end"] * (len(alone) // 2)
    assert all(event.end is None or event.end - event.start >= timedelta(0) for event in mixed)
