"""From boxes to events: the whole row of stages behind the detector, in media time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError
from contracts.event import Event, event_id, snapshot_path
from contracts.wire import utc_from_ns
from device.pipeline.zone import Zone
from device.stages.confirm import Confirm
from device.stages.smooth import Smooth
from device.stages.track import Track
from device.stages.zones import Zones
from tests.device.stages.world import HEIGHT, MS, WALL_NS, WIDTH, Film, S, Walker, boxes, context, end, every, line, run, scene

RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


def row(fps: float = 5.0, drawn: dict[str, Zone] | None = None, **options: Any) -> list[Any]:
    about = context({"left": drawn or {}, "right": drawn or {}}, fps)
    names = Track.Options(), Smooth.Options(), Zones.Options(), Confirm.Options(**options)
    return [cls(each, about) for cls, each in zip((Track, Smooth, Zones, Confirm), names, strict=True)]


def confirm(**options: Any) -> Confirm:
    return Confirm(Confirm.Options(**options), context({"left": {"right half": Zone(points=RIGHT_HALF)}}))


def seen(pts_ns: int, *rows: Sequence[float], tracks: Sequence[int] = (1,), camera: str = "left", zones: Any = None) -> Any:
    data = {"track": np.array(tracks[: len(rows)], np.int64)}
    if zones is not None:
        data["zones"] = np.empty(len(rows), object)
        data["zones"][:] = [tuple(zones)] * len(rows)
    return scene(pts_ns, boxes(*rows, **data), seq=pts_ns // (200 * MS), camera=camera)


STILL = (100, 100, 140, 200, 0.9, 0)


def words(events: Sequence[Event]) -> list[str]:
    return [event.life for event in events]


def test_three_sightings_in_a_row_make_an_event_that_began_with_the_first() -> None:
    scenes = [seen(n * 200 * MS, (100 + n, 100, 140 + n, 200, 0.5 + n / 10, 0)) for n in range(3)]
    out, _ = run([confirm()], scenes)
    assert [len(each.events) for each in out] == [0, 0, 1]
    (event,) = out[2].events
    ident = event_id("film of left", "object", 0, "person|1")
    assert event.id == ident
    assert (event.life, event.kind, event.camera, event.label, event.track) == ("new", "object", "left", "person", 1)
    assert event.start == event.t == utc_from_ns(WALL_NS)
    assert (event.start_pts_ns, event.pts_ns, event.frame_number) == (0, 0, 0)
    assert event.box == (100, 100, 140, 200)
    assert event.frame_size == (WIDTH, HEIGHT)
    assert event.confidence == 0.7
    assert event.model == "sha256:" + "0" * 64
    assert event.snapshot == snapshot_path(ident, event.start)
    assert event.end is None


def test_a_miss_breaks_the_row_and_no_answer_does_not() -> None:
    def film(second: Any) -> list[Any]:
        return [seen(0, STILL), second, seen(400 * MS, STILL), seen(600 * MS, STILL)]

    assert run([confirm()], film(seen(200 * MS)))[1] == []
    (event,) = run([confirm()], film(scene(200 * MS, boxes(status="timeout"))))[1]
    assert event.start_pts_ns == 0


def test_the_row_slides_until_its_mean_confidence_is_enough() -> None:
    scenes = [seen(n * 200 * MS, (*STILL[:4], c, 0)) for n, c in enumerate((0.3, 0.3, 0.6, 0.6, 0.6))]
    (event,) = run([confirm(min_confidence=0.5)], scenes[:4])[1]
    assert event.start_pts_ns == 200 * MS


@pytest.mark.parametrize("options", [{"labels": ["car"]}, {"min_area": 0.1}, {"zones": ["right half"]}, {"min_confidence": 0.95}])
def test_what_does_not_count_makes_no_event(options: dict[str, Any]) -> None:
    scenes = [seen(n * 200 * MS, STILL, zones=()) for n in range(10)]
    assert run([confirm(**options)], scenes, end(2 * S))[1] == []


def test_a_zone_nobody_drew_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="no camera has a zone 'yrad'; the zones are: right half"):
        confirm(zones=["yrad"])


def test_boxes_without_a_track_stage_are_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="put a `track` stage before"):
        confirm()(scene(0, boxes(STILL)))


def test_an_event_ends_with_the_time_it_was_last_seen() -> None:
    scenes = [seen(n * 200 * MS, *([STILL] if n < 10 else [])) for n in range(40)]
    _, events = run([confirm(max_gap_ms=3000)], scenes)
    assert words(events) == ["new", "end"]
    assert events[1].end == events[1].t == events[0].start + timedelta(seconds=1.8)
    assert events[1].pts_ns == 1800 * MS
    assert events[1].data == {}


def test_the_end_of_the_stream_ends_what_is_open_and_says_why() -> None:
    stage = confirm()
    _, events = run([stage], [seen(n * 200 * MS, STILL) for n in range(4)], end(S, reason="end of file"))
    assert words(events) == ["new", "end"]
    assert events[1].data == {"reason": "end of file"}
    assert events[1].end == events[0].start + timedelta(seconds=0.6)
    assert stage.finish(end(S)) == ()


@pytest.mark.parametrize("status", ["timeout", "error"])
def test_an_hour_without_an_answer_ends_nothing(status: Any) -> None:
    silence = [scene((1 + n) * S, boxes(status=status)) for n in range(3600)]
    _, events = run([confirm()], [*(seen(n * 200 * MS, STILL) for n in range(4)), *silence, seen(3700 * S, STILL)])
    assert words(events) == ["new"]


def test_time_behind_the_closed_gate_ends_nothing() -> None:
    _, events = run([confirm()], [*(seen(n * 200 * MS, STILL) for n in range(4)), seen(3700 * S), seen(3701 * S, STILL)])
    assert words(events) == ["new"]


def test_updates_tell_zones_better_views_and_motion_and_nothing_else() -> None:
    stage = confirm(sightings=1, update_interval_ms=1000)
    told = []
    better, gone = (*STILL[:4], 0.99, 0), (200, 100, 240, 200, 0.9, 0)
    plan = [(STILL, ()), (STILL, ()), (STILL, ("yard",)), (STILL, ("yard",)), (STILL, ()), (STILL, ())]
    plan += [(better, ())] * 20 + [(gone, ())] * 3
    for n, (one, zones) in enumerate(plan):
        told.append(words(stage(seen(n * 100 * MS, (*one[:4], one[4] - 0.3, 0) if n < 6 else one, zones=zones)).events))
    assert told[0] == ["new"]
    assert [n for n, each in enumerate(told) if each == ["update"]] == [2, 4, 6, 26]
    assert all(each == [] for n, each in enumerate(told) if n not in {0, 2, 4, 6, 26})


def test_zones_entered_are_remembered_in_order() -> None:
    stage, last = confirm(sightings=1), None
    for n, zones in enumerate([("door",), ("door", "yard"), ("yard",), ("door",), ()]):
        (last,) = stage(seen(n * 200 * MS, STILL, zones=zones)).events
    assert last.zones == []
    assert last.entered == ["door", "yard"]


def test_a_wall_clock_that_was_set_back_does_not_end_an_event_before_it_began() -> None:
    stage = confirm(sightings=1)
    first = seen(0, STILL)
    stage(first)
    back = seen(200 * MS, STILL)
    stage(replace(back, frame=replace(back.frame, wall_ns=WALL_NS - 3600 * S)))
    (event,) = stage.finish(end(S))
    assert event.end == event.start


def test_of_two_boxes_of_one_track_the_better_counts() -> None:
    two = [(*STILL[:4], 0.4, 0), (*STILL[:4], 0.8, 1)]
    (event,) = confirm(sightings=1)(seen(0, *two, tracks=(1, 1))).events
    assert (event.label, event.confidence) == ("car", 0.8)


STREET = (
    Walker(line(40, 300, 55), begin=0.0, end=9.5),
    Walker(line(600, 320, -45, w=34, h=90), begin=1.0, end=12.0),
    Walker(line(300, 200, 0, 6, w=24, h=60), begin=5.0, end=14.0),
    Walker(lambda t: (500, 100, 590, 150), label=1, begin=6.0, end=15.0),
)


def lives(events: Sequence[Event]) -> dict[Any, list[Event]]:
    by_id = defaultdict(list)
    for event in events:
        by_id[event.id].append(event)
    return by_id


def summary(events: Sequence[Event]) -> list[tuple[str | None, float, float]]:
    """Label, start and end of each event in seconds."""
    return sorted((e.label, e.start_pts_ns / S, e.pts_ns / S) for e in events if e.life == "end")


@pytest.mark.parametrize("fps", [1, 2, 3, 5, 10, 15, 30])
def test_the_sampling_rate_changes_times_by_one_interval_at_most_and_events_not_at_all(fps: float) -> None:
    _, events = run(row(fps), Film(STREET).scenes(every(fps, 20)), end(20 * S))
    expected = sorted((("person", "car")[w.label], w.begin, w.end) for w in STREET)
    assert len(summary(events)) == len(expected)
    for (label, start, stop), (who, begin, ended) in zip(summary(events), expected, strict=True):
        assert label == who
        assert begin <= start <= begin + 1 / fps
        assert ended - 1 / fps <= stop <= ended


def test_a_variable_frame_rate_with_dropped_answers_gives_the_same_events() -> None:
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.uniform(0.03, 0.3, 120)).round(4).tolist()
    scenes = list(Film(STREET, jitter_px=1).scenes(times))
    silent = [scene(s.frame.pts_ns, boxes(status="timeout")) if rng.random() < 0.15 else s for s in scenes]
    _, events = run(row(), silent, end(20 * S))
    expected = sorted((("person", "car")[w.label], w.begin, w.end) for w in STREET)
    assert len(summary(events)) == len(expected)
    for (label, start, stop), (who, begin, ended) in zip(summary(events), expected, strict=True):
        assert label == who
        assert begin <= start <= begin + 1.0
        assert ended - 1.0 <= stop <= ended


def test_the_same_film_gives_the_same_messages_to_the_byte() -> None:
    logs = [[e.model_dump_json() for e in run(row(), Film(STREET, 2, 0.1).scenes(every(5, 20)), end(20 * S))[1]] for _ in range(2)]
    assert logs[0] == logs[1]
    assert len(logs[0]) > 8


def test_two_cameras_interleaved_give_what_each_gives_alone() -> None:
    def film(camera: str) -> list[Any]:
        return list(Film(STREET[:2] if camera == "left" else STREET[2:], 1).scenes(every(5, 20), camera))

    alone = {camera: run(row(), film(camera), end(20 * S, camera))[1] for camera in ("left", "right")}
    stages = row()
    _, both = run(stages, (each for pair in zip(film("left"), film("right"), strict=True) for each in pair))
    both += [event for camera in ("left", "right") for event in stages[-1].finish(end(20 * S, camera))]
    for camera, events in alone.items():
        assert [e for e in both if e.camera == camera] == events


def test_a_zone_makes_events_only_of_who_goes_there() -> None:
    zones = {"right half": Zone(points=RIGHT_HALF, inertia=2)}
    film = Film([Walker(line(40, 300, 0)), Walker(line(200, 300, 40))])
    _, events = run(row(drawn=zones, zones=["right half"]), film.scenes(every(5, 8)))
    (new,) = [e for e in events if e.life == "new"]
    assert new.zones == new.entered == ["right half"]
    assert 3.0 <= new.start_pts_ns / S <= 3.6


side = st.integers(0, 90)
box = st.tuples(st.integers(0, 600), st.integers(0, 320), side, side, st.floats(0, 1, width=32), st.integers(0, 2)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3], b[4], b[5])
)
hostile = st.tuples(*[st.floats(width=32)] * 5, st.integers(0, 1))
status = st.sampled_from(["ok"] * 5 + ["timeout", "error"])
films = st.lists(st.tuples(st.integers(0, 3000), status, st.lists(st.one_of(box, box, box, hostile), max_size=6)), max_size=25)


@settings(max_examples=100)
@given(films, st.integers(1, 3))
def test_whatever_is_seen_lives_are_well_formed(film: list[Any], sightings: int) -> None:
    stages, pts, scenes = row(sightings=sightings, max_gap_ms=1000), 0, []
    for step, word, rows in film:
        pts += step * MS
        scenes.append(scene(pts, boxes(*(rows if word == "ok" else []), status=word), len(scenes)))
    _, events = run(stages, scenes, end(pts + S))
    for messages in lives(events).values():
        assert words(messages)[0] == "new"
        assert words(messages)[-1] == "end"
        assert set(words(messages)[1:-1]) <= {"update"}
        last = messages[-1]
        assert last.end is not None and last.end >= last.start and last.end == last.t
        assert all(m.start == last.start and m.start_pts_ns <= m.pts_ns and m.label == last.label for m in messages)
        assert [m.pts_ns for m in messages] == sorted(m.pts_ns for m in messages)
        assert [m.confidence for m in messages] == sorted(m.confidence for m in messages)
        assert all(m.box is not None and m.box[2] >= m.box[0] and m.box[3] >= m.box[1] for m in messages)  # told to a hundredth of a pixel
    assert stages[-1]._views == {}
