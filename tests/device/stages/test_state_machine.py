"""The machine in the pipeline: signals out of events, events out of effects, times, ids, refusals, the end of a film."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError
from contracts.event import Event
from contracts.wire import utc_from_ns
from device.documents import parse
from device.pipeline.doubts import doubts_of
from device.stages.state_machine import StateMachine
from device.stages.steady import Steady
from tests.device.stages.world import MS, WALL_NS, S, boxes, context, end, run, scene
from vision.types import Scene

GAME, _ = parse((Path(__file__).parent / "machine" / "gameplay.yaml").read_text(), "gameplay.yaml")
SCREENS = (
    "stash_screen",
    "pre_raid_screen",
    "queue_timer",
    "match_found",
    "gameplay_hud",
    "outcome",
    "post_raid_screen",
    "kill_notification",
)
LAMP: dict[str, Any] = {
    "initial": "off",
    "states": {"off": {}, "lit": {"enter": "lit_up", "exit": "went_out", "timeout": {"after": "1050 ms", "to": "off"}}},
    "transitions": [{"from": ["off", "lit"], "on": "person", "to": "lit"}, {"from": "lit", "on": "car", "to": "off"}],
}


def pipeline(declared: dict[str, Any], samples: int = 2, **options: Any) -> list[Any]:
    about = context(fps=10)
    return [Steady(Steady.Options(samples=samples, gap_ms=200), about), StateMachine(StateMachine.Options(**declared, **options), about)]


def shown(pattern: str, camera: str = "left") -> list[Scene]:
    """A frame each 100 ms: `p` a person, `c` a car, `b` both, `.` nothing, `?` no answer."""
    person, car = (10, 10, 40, 80, 0.9, 0), (100, 10, 200, 80, 0.8, 1)
    found = {"p": boxes(person), "c": boxes(car), "b": boxes(car, person), ".": boxes(), "?": boxes(status="timeout")}
    return [scene(n * 100 * MS, found[letter], n, camera) for n, letter in enumerate(pattern)]


def told(events: list[Event], *kinds: str) -> list[tuple[str, str, int]]:
    return [(event.kind, event.life, event.start_pts_ns // MS) for event in events if event.kind in kinds]


def test_a_change_has_the_time_of_the_first_sample_of_its_signal() -> None:
    _, events = run(pipeline(LAMP), shown("...pp.."))
    lit = next(event for event in events if event.kind == "lit_up")
    person = next(event for event in events if event.kind == "person")
    assert (lit.start_pts_ns, lit.frame_number, lit.start) == (300 * MS, 3, utc_from_ns(WALL_NS + 300 * MS))
    assert (lit.box, lit.confidence, lit.label, lit.model) == (person.box, person.confidence, "person", person.model)


def test_a_momentary_event_is_told_twice_under_one_id_in_one_scene() -> None:
    scenes, _ = run(pipeline(LAMP), shown("pp."))
    mine = [event for event in scenes[1].events if event.kind == "state_changed"]
    assert [event.life for event in mine] == ["new", "end"]
    assert mine[0].id == mine[1].id
    assert mine[1].end == mine[1].start == mine[0].t
    assert mine[0].data == {"from": "off", "to": "lit", "on": "person"}


def test_a_timeout_is_told_with_its_own_time_and_the_frame_shown_then() -> None:
    scenes, _ = run(pipeline(LAMP), shown("pp" + "." * 12))
    (number, out), *_ = [(n, e) for n, each in enumerate(scenes) for e in each.events if e.kind == "went_out"]
    assert (number, out.start_pts_ns, out.frame_number) == (11, 1050 * MS, 10)
    assert out.start == utc_from_ns(WALL_NS + 1050 * MS)
    assert (out.box, out.confidence) == (None, 1.0)


def test_time_passes_in_frames_without_an_answer_and_while_nobody_looks() -> None:
    _, asked = run(pipeline(LAMP), shown("pp" + "?" * 12))
    assert told(asked, "went_out") == [("went_out", "new", 1050), ("went_out", "end", 1050)]
    later = replace(shown("p")[0], frame=shown("p" * 100)[99].frame)
    _, slept = run(pipeline(LAMP), [*shown("pp"), later])
    assert told(slept, "went_out")[0] == ("went_out", "new", 1050)


def test_two_signals_of_one_frame_go_by_their_own_times_whatever_the_order_of_their_boxes() -> None:
    _, events = run(pipeline(LAMP), shown(".cb"))
    changes = [event.data["to"] for event in events if event.kind == "state_changed" and event.life == "new"]
    assert changes == [], "the car came first, the person is not confirmed"
    _, events = run(pipeline(LAMP), shown(".bb..."))
    assert [event.data["on"] for event in events if event.kind == "state_changed" and event.life == "new"] == ["person", "car"]


def test_the_end_of_a_signal_is_one_with_the_time_it_was_last_seen() -> None:
    declared = {
        "initial": "away",
        "states": {"away": {}, "here": {}},
        "transitions": [{"from": "away", "on": "person", "to": "here"}, {"from": "here", "on": "person.end", "to": "away"}],
    }
    _, events = run(pipeline(declared), shown("pppp......"))
    assert [(e.data["on"], e.start_pts_ns // MS, e.frame_number) for e in events if e.kind == "state_changed" and e.life == "new"] == [
        ("person", 0, 0),
        ("person.end", 300, 3),
    ]


def test_the_end_of_the_film_closes_the_state_and_is_no_signal() -> None:
    stages = pipeline(LAMP)
    _, events = run(stages, shown("pppp"), end(300 * MS, reason="stopped"))
    assert told(events, "went_out") == [("went_out", "new", 300), ("went_out", "end", 300)]
    assert events[-1].data == {"state": "lit", "lasted_ms": 300, "reason": "stopped"}
    assert events[-1].snapshot is None, "no picture came that could be kept"
    assert all(event.snapshot for event in events if event.kind == "lit_up")
    _, late = run(pipeline(LAMP), shown("pppp"), end(2 * S))
    assert told(late, "went_out")[0] == ("went_out", "new", 1050), "it was over by then"
    assert "reason" not in late[-1].data


def test_every_camera_has_a_machine_of_its_own() -> None:
    stages = pipeline(LAMP)
    _, events = run(stages, [*shown("ppp"), *shown("...", "right")])
    assert {event.camera for event in events} == {"left"}
    _, events = run(stages, shown("....pp", "right"))
    assert [e.camera for e in events if e.kind == "lit_up"] == ["right", "right"]


def test_refused_signals_are_all_counted_and_told_at_most_so_often() -> None:
    stages = pipeline(LAMP, samples=1, refused_interval_ms=2000)
    _, events = run(stages, shown("c..." * 12))
    refused = [event for event in events if event.kind == "transition_refused" and event.life == "new"]
    assert [event.start_pts_ns // MS for event in refused] == [0, 2000, 4000]
    assert [event.data["count"] for event in refused] == [1, 5, 5]
    assert refused[0].data == {"state": "off", "on": "car", "reason": "no transition", "count": 1}
    assert stages[1]._context.tally.get("left", "state_machine", "refused") == 12


def test_a_scene_whose_signal_is_refused_is_doubted_also_when_it_is_not_told() -> None:
    stages = pipeline(LAMP, samples=1, refused_interval_ms=1_000_000)
    doubted = []
    for grown in shown("c..." * 3):
        for each in stages:
            grown = each(grown)
        doubted.append(doubts_of(grown))
    assert doubted == [("refused_transition",), (), (), ()] * 3


def test_a_wrong_machine_is_refused_wherever_it_comes_from() -> None:
    with pytest.raises(ConfigError, match=r"states.lit: is a dead end"):
        StateMachine(StateMachine.Options(**{**LAMP, "states": {"off": {}, "lit": {}}, "transitions": LAMP["transitions"][:1]}), context())


def film(script: list[tuple[int, str, dict[str, str]]]) -> list[Scene]:
    """So many frames of each screen, with the texts read on it."""
    scenes: list[Scene] = []
    for count, label, fields in script:
        for _ in range(count):
            column: Any = np.empty(1 if label else 0, object)
            if label:
                column[0] = fields
            rows = [(0, 0, 640, 360, 0.9, SCREENS.index(label))] if label else []
            seen = scene(len(scenes) * 100 * MS, boxes(*rows, fields=column), len(scenes))
            scenes.append(replace(seen, labels=SCREENS))
    return scenes


SCRIPT: list[tuple[int, str, dict[str, str]]] = [
    (4, "", {}), (5, "stash_screen", {}), (5, "pre_raid_screen", {"map": "HARBOUR"}), (20, "queue_timer", {}), (4, "match_found", {}),
    (30, "gameplay_hud", {}), (4, "kill_notification", {"victim": "Ann"}), (9, "gameplay_hud", {}), (5, "outcome", {"outcome": "SURVIVED"}),
    (6, "post_raid_screen", {}), (5, "stash_screen", {}), (2, "match_found", {}), (5, "", {}),
]  # fmt: skip


def test_a_raid_seen_by_its_screens() -> None:
    stages = pipeline(GAME, samples=3)
    _, events = run(stages, film(SCRIPT), end(11 * S))
    assert told([e for e in events if e.life == "new"], "raid_started", "kill_detected", "raid_ended") == [
        ("raid_started", "new", 3800),
        ("kill_detected", "new", 6800),
        ("raid_ended", "new", 8100),
    ]
    assert next(e for e in events if e.kind == "kill_detected").data == {"map": "HARBOUR", "victim": "Ann", "state": "raid_active"}


def test_ids_are_the_same_in_every_run_and_no_two_events_share_one() -> None:
    runs = [run(pipeline(GAME, samples=3), film(SCRIPT), end(11 * S))[1] for _ in range(2)]
    assert runs[0] == runs[1]
    new = [event.id for event in runs[0] if event.life == "new"]
    assert len(new) == len(set(new)) > 20


def test_what_the_beginning_and_the_end_of_one_signal_tell_at_one_time_are_two_events() -> None:
    declared: dict[str, Any] = {
        "initial": "one",
        "states": {"one": {}, "other": {}},
        "transitions": [{"from": "one", "on": "car", "to": "other"}, {"from": "other", "on": "car", "to": "one"}],
        "emit": [{"in": "one", "on": "person", "event": "noticed"}, {"in": "one", "on": "person.end", "event": "noticed"}],
    }
    _, events = run(pipeline(declared, samples=1), shown("..p......"))
    mine = [event for event in events if event.kind == "noticed" and event.life == "new"]
    assert [event.start_pts_ns // MS for event in mine] == [200, 200]
    assert mine[0].id != mine[1].id


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(("", *SCREENS)), st.just({"outcome": "SURVIVED"})), max_size=25))
def test_whatever_is_shown_every_new_event_ends_once_and_ids_are_told_apart(script: list[tuple[int, str, dict[str, str]]]) -> None:
    scenes = film(script)
    _, events = run(pipeline(GAME, refused_interval_ms=0), scenes, end(len(scenes) * 100 * MS))
    new, over = ([event.id for event in events if event.life == life] for life in ("new", "end"))
    assert sorted(new) == sorted(over)
    assert len(set(new)) == len(new)
    again = run(pipeline(GAME, refused_interval_ms=0), film(script), end(len(scenes) * 100 * MS))[1]
    assert again == events
