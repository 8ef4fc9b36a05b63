"""Steady: rows of answered samples against a plain reading of them, keys, elected texts, holes, flicker, ends, ids."""

from __future__ import annotations

import gc
import re
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.event import Event
from contracts.wire import utc_from_ns
from device.stages.presence import kind_of
from device.stages.steady import Steady
from device.stages.votes import MOST, Votes
from tests.device.stages.world import MS, WALL_NS, Blank, S, boxes, context, end, frame, run, scene
from vision.types import Scene

STEP = 100 * MS
BOX = (10.0, 10.0, 110.0, 40.0)


def steady(**options: Any) -> Steady:
    return Steady(Steady.Options(**options), context(fps=10))


def lines(*read: dict[str, str] | None, confidence: float = 0.9, sure: float | None = None, **more: Any) -> Any:
    """Boxes of the label `person`, one a reading."""
    fields: Any = np.empty(len(read), object)
    fields[:] = read
    weights = np.full(len(read), np.nan if sure is None else sure, np.float32)
    rows = [(BOX[0], BOX[1] + 50 * n, BOX[2], BOX[3] + 50 * n, confidence, 0) for n in range(len(read))]
    return boxes(*rows, fields=fields, text_confidence=weights, **more)


def frames(pattern: str) -> list[Scene]:
    """A sample each 100 ms: `x` seen, `.` not, `?` no answer; `|` five seconds in which nobody looked."""
    scenes: list[Scene] = []
    pts_ns = 0
    for letter in pattern:
        if letter == "|":
            pts_ns += 5 * S
            continue
        found = {"x": lines({}), ".": boxes(), "?": boxes(status="timeout")}[letter]
        scenes.append(scene(pts_ns, found, len(scenes)))
        pts_ns += STEP
    return scenes


def told(pattern: str, **options: Any) -> list[tuple[str, int, int]]:
    """(life, frame of the start, frame it is about) of every event."""
    scenes = frames(pattern)
    _, events = run([steady(**options)], scenes, end(10**15))
    number = {each.frame.pts_ns: n for n, each in enumerate(scenes)}
    return [(event.life, number[event.start_pts_ns], number[event.pts_ns]) for event in events]


def plain(pattern: str, samples: int, max_misses: int, gap_ms: int) -> list[tuple[str, int, int]]:
    """The same by a regular expression over the answered samples, and a sum of the time that was looked at."""
    text, answered = _answered(pattern)
    found, place = [], 0
    row = re.compile(r"x" + rf"(?:\.{{0,{max_misses}}}x)" * (samples - 1))
    while match := row.search(text, place):
        seen, place = match.end() - 1, len(text)
        for here in [each for each in answered if each >= match.end()]:
            if text[here] == "x":
                seen = here
            elif answered[here][1] - answered[seen][1] > gap_ms:
                place = here
                break
        found.append((answered[match.start()][0], answered[seen][0]))
    return [each for first, last in found for each in (("new", first, first), ("end", first, last))]


def _answered(pattern: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """Samples and holes as a text; at each place of a sample the number of its frame and the milliseconds looked at by then."""
    pattern = re.sub(r"\?{10,}", lambda found: f"|{found[0]}", pattern)  # a second without any answer is a hole, too
    text, answered, age, frame, hole = "", dict[int, tuple[int, int]](), 0, 0, False
    for n, letter in enumerate(pattern):
        if letter == "|":
            hole, text = hole or pattern[n + 1 : n + 2] != "?", text + "|"
            continue
        if letter != "?":
            age += 0 if frame == 0 else 1000 if hole else 100
            answered[len(text)] = (frame, age)
            text += letter
        hole, frame = False, frame + 1
    return text, answered


patterns = st.text(alphabet="xxxx..?|", max_size=40)


@given(patterns, st.integers(1, 4), st.integers(0, 2), st.integers(3, 12))
def test_rows_are_those_of_a_plain_reading(pattern: str, samples: int, max_misses: int, gaps: int) -> None:
    options = {"samples": samples, "max_misses": max_misses, "gap_ms": gaps * 100}
    assert sorted(told(pattern, **options), key=lambda each: (each[1], each[0] == "end")) == plain(pattern, **options)


def test_an_event_is_told_once_with_the_last_of_the_row_and_the_time_of_the_first() -> None:
    scenes, events = run([steady()], frames("..xxxxx" + "." * 12))
    assert [len(each.events) for each in scenes].index(1) == 4
    new, over = events
    assert (new.life, new.kind, new.label, new.start_pts_ns, new.pts_ns, new.frame_number) == (
        "new",
        "person",
        "person",
        200 * MS,
        200 * MS,
        2,
    )
    assert (new.start, new.box, new.frame_size, new.confidence) == (utc_from_ns(WALL_NS + 200 * MS), BOX, (640, 360), 0.9)
    assert (over.life, over.id, over.pts_ns, over.end, over.frame_number) == ("end", new.id, 600 * MS, utc_from_ns(WALL_NS + 600 * MS), 6)


@pytest.mark.parametrize("pattern", ["xx.xx.xx", "xx|xx|xx", "xx", "", "xx???|x", "x.x.x.x"])
def test_what_is_not_in_a_row_is_none(pattern: str) -> None:
    assert told(pattern) == []


def test_a_sample_without_an_answer_is_no_absence() -> None:
    assert told("x?x??x" + "?" * 9) == [("new", 0, 0), ("end", 0, 5)]


def test_a_flicker_does_not_double_an_event() -> None:
    assert told("xxx.xx..xxx" + "." * 12) == [("new", 0, 0), ("end", 0, 10)]
    assert told("x.xx.x", max_misses=1) == [("new", 0, 0), ("end", 0, 5)]
    assert told("x..xx.x..x", max_misses=1) == [("new", 3, 3), ("end", 3, 9)]


def test_time_that_nobody_looked_into_does_not_end_it() -> None:
    assert told("xxx|xx") == [("new", 0, 0), ("end", 0, 4)]
    assert told("xxx|" + "..") == [("new", 0, 0), ("end", 0, 2)]


def test_an_end_by_the_end_of_the_film_says_so() -> None:
    _, events = run([steady()], frames("xxxx"), end(9 * S, reason="stopped"))
    assert [event.data for event in events] == [{}, {"reason": "stopped"}]


def test_two_things_of_one_label_are_told_apart_by_their_key_only() -> None:
    ann, bob = {"who": "ann", "with": "bow"}, {"who": "bob", "with": "axe"}
    scenes = [scene(n * STEP, lines(ann, bob) if n < 4 else lines(bob), n) for n in range(20)]
    _, one = run([steady()], scenes)
    assert len([event for event in one if event.life == "new"]) == 1
    stage = steady(rules={"kills": {"labels": ["person"], "kind": "kill", "key": ["who"]}})
    _, two = run([stage], scenes)
    assert [(e.kind, e.life, e.data["who"]) for e in two] == [("kill", "new", "ann"), ("kill", "new", "bob"), ("kill", "end", "ann")]
    assert two[0].id != two[1].id
    assert two[0].box == BOX, "each has its own box"


def test_no_text_makes_two_things_one_or_an_event_larger_than_a_broker_takes() -> None:
    one, other = {"who": "a|b", "with": "c", "more": "x" * 300_000}, {"who": "a", "with": "b|c"}
    stage = steady(samples=1, rules={"person": {"key": ["who", "with"]}})
    _, events = run([stage], [scene(0, lines(one, other))])
    assert [event.life for event in events] == ["new", "new"]
    assert events[0].id != events[1].id
    assert all(len(event.model_dump_json()) < 10_000 for event in events)


def test_a_box_that_could_not_be_read_is_no_sighting_and_no_absence() -> None:
    ann = {"who": "ann"}
    read = [ann, None, ann, {}, ann, None, None]
    stage = steady(rules={"person": {"key": ["who"]}})
    _, events = run([stage], [scene(n * STEP, lines(each), n) for n, each in enumerate(read)])
    assert [(event.life, event.start_pts_ns) for event in events] == [("new", 0)]
    _, none = run([steady(rules={"person": {"key": ["who"]}})], [scene(n * STEP, lines(None), n) for n in range(9)])
    assert none == []
    gone = [scene(n * STEP, lines(ann if n < 3 else None), n) for n in range(20)]
    _, events = run([steady(rules={"person": {"key": ["who"]}})], gone)
    assert [(event.life, event.pts_ns) for event in events] == [("new", 0), ("end", 200 * MS)], "unread boxes do not hold it open"


def test_texts_are_elected_by_confidence_and_corrected_at_the_end() -> None:
    def look(n: int, text: str, sure: float) -> Scene:
        return scene(n * STEP, lines({"who": text}, sure=sure), n)

    first = [look(0, "aun", 0.9), look(1, "ann", 0.5), look(2, "ann", 0.5)]
    _, events = run([steady()], [*first, look(3, "anna", 0.9), look(4, "anna", 0.9)], end(S))
    assert [event.data["who"] for event in events] == ["ann", "anna"]
    whole: Any = np.array(["ANN shot"], object)
    _, events = run([steady(samples=1)], [scene(0, lines({"who": "ann"}, text=whole))])
    assert events[0].data == {"who": "ann", "text": "ANN shot"}
    _, chosen = run([steady(samples=1, rules={"person": {"fields": ["who"]}})], [scene(0, lines({"who": "ann"}, text=whole))])
    assert chosen[0].data == {"who": "ann"}


def test_rules_choose_labels_and_say_what_is_other() -> None:
    both = [scene(n * STEP, boxes((*BOX, 0.9, 0), (*BOX, 0.4, 1)), n) for n in range(6)]
    _, events = run([steady(rules={"car": {"samples": 2}})], both)
    assert [(event.kind, event.pts_ns) for event in events] == [("car", 0)]
    assert run([steady(rules={"car": {"min_confidence": 0.5}})], both)[1] == []
    stage = steady(rules={"any": {"labels": ["car", "person"], "kind": "seen"}})
    assert [(e.kind, e.label) for e in run([stage], both)[1]] == [("seen", "car"), ("seen", "person")]


def test_the_kinds_are_known_before_when_there_are_rules() -> None:
    assert Steady.Options(rules={"Traffic Light": {}, "b": {"kind": "c"}}).gives() == frozenset({"traffic_light", "c"})
    assert Steady.Options().gives() is None
    assert [kind_of(label) for label in ("cell phone", "7", "人", "x" * 99)] == ["cell_phone", "label_7", "label_", "x" * 64]
    with pytest.raises(ValidationError):
        Steady.Options(rules={"a": {"kind": "Not A Kind"}})


def test_cameras_have_their_own_rows_and_a_camera_that_ended_begins_anew() -> None:
    stage = steady()
    mixed = [scene(n * STEP, lines({}), n, camera) for n in range(2) for camera in ("left", "right")]
    assert run([stage], mixed, end(S))[1] == []
    assert [e.camera for e in run([stage], [scene(2 * STEP, lines({}), 2, "right"), scene(2 * STEP, lines({}), 2, "left")])[1]] == ["right"]


@given(st.lists(st.sampled_from(("ann", "bob", None)), max_size=30), st.permutations(range(3)))
def test_the_order_of_a_samples_boxes_does_not_matter(who: list[str | None], order: list[int]) -> None:
    def films(shuffled: bool) -> list[Event]:
        scenes = []
        for n, name in enumerate(who):
            found = lines({"who": name} if name else None, {"who": "cid"}, {"who": "dan"})
            scenes.append(scene(n * STEP, found.pick(np.array(order)) if shuffled else found, n))
        return run([steady(samples=2, rules={"person": {"key": ["who"]}})], scenes, end(10 * S))[1]

    assert films(True) == films(False)


def test_readings_without_end_are_bounded() -> None:
    votes = Votes()
    for n in range(1000):
        votes.add({"clock": str(n), "name": "ann"}, 0.5)
        votes.add({"clock": "often"}, 0.5)
    assert votes.elected() == {"clock": "often", "name": "ann"}
    assert len(votes._fields["clock"]) <= MOST


def test_no_picture_is_held_by_an_open_event() -> None:
    stage, planes = steady(samples=1), Blank()
    held = weakref.ref(planes)
    seen = stage(replace(scene(0, lines({})), frame=frame(0, planes=planes)))
    assert [event.life for event in seen.events] == ["new"]
    del seen, planes
    gc.collect()
    assert held() is None
