"""The interpreter against a plain one written apart from it, and its rules one by one at their very boundaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given

from device.documents import parse
from device.stages.machine.declaration import Declaration, duration_ns
from device.stages.machine.faults import faults
from device.stages.machine.interpreter import Effect, Machine, Signal, begin, close, pass_time, take
from tests.device.stages.machine.machines import films, machines
from tests.device.stages.machine.reference import Reference

MS, S = 1_000_000, 1_000_000_000
TEXT = (Path(__file__).parent / "gameplay.yaml").read_text()
LAMP: dict[str, Any] = {
    "initial": "off",
    "states": {"off": {}, "lit": {"enter": "lit_up", "exit": "went_out", "timeout": {"after": "100 ms", "to": "off"}}},
    "transitions": [{"from": ["off", "lit"], "on": "press", "to": "lit"}],
}


Film = list[tuple[int, list[tuple[str, int, dict[str, Any]]]]]
Ways = list[tuple[int, str, dict[str, Any]]]


def run(declared: dict[str, Any], film: Film, end_ns: int) -> list[Effect]:
    """Frames as the stage goes through them: (media time, signals in order of their times)."""
    machine = Machine(Declaration(**declared))
    told: list[Effect] = []
    now = None
    for pts_ns, signals in film:
        if now is None:
            now, effects = begin(machine, pts_ns)
            told += effects
        now, effects = pass_time(machine, now, pts_ns)
        told += effects
        for name, at_ns, data in signals:
            now, effects = take(machine, now, Signal(name, at_ns, data))
            told += effects
            now, effects = pass_time(machine, now, pts_ns)
            told += effects
    if now is not None:
        now, effects = pass_time(machine, now, end_ns)
        told += [*effects, *close(machine, now, end_ns, "end of file")]
    return told


@given(machines(), films)
def test_any_machine_does_what_the_plain_interpreter_does(declared: dict[str, Any], steps: Any) -> None:
    assert faults(Declaration(**declared)) == []
    pts_ns, film = 0, []
    for after_ms, signals in steps:
        pts_ns += after_ms * MS
        timed = [(name, pts_ns - ago * MS, data) for name, ago, data in signals]
        film.append((pts_ns, sorted(timed, key=lambda each: each[1])))
    plain = Reference(declared)
    for number, (at_ns, timed) in enumerate(film):
        if not number:
            plain.begin(at_ns)
        plain.time(at_ns)
        for name, began_ns, data in timed:
            plain.signal(name, began_ns, data)
            plain.time(at_ns)
    if film:
        plain.time(pts_ns + 7 * MS)
        plain.close(pts_ns + 7 * MS, "end of file")
    got = run(declared, film, pts_ns + 7 * MS)
    counted = [(e.kind, e.at_ns, {**e.data, **({"count": 1} if e.role == "refused" else {})}) for e in got]
    assert counted == plain.told


@given(machines(), films)
def test_times_never_go_back_and_it_is_never_where_it_should_have_left(declared: dict[str, Any], steps: Any) -> None:
    pts_ns, film = 0, []
    for after_ms, signals in steps:
        pts_ns += after_ms * MS
        film.append((pts_ns, sorted(((n, pts_ns - a * MS, d) for n, a, d in signals), key=lambda each: each[1])))
    times = [effect.at_ns for effect in run(declared, film, pts_ns) if effect.role in {"changed", "enter", "exit"}]
    assert times == sorted(times)


def told(film: Film, end_ns: int) -> list[tuple[str, int]]:
    return [(effect.kind, effect.at_ns) for effect in run(LAMP, film, end_ns) if effect.role != "changed"]


def test_a_timeout_is_over_at_its_very_time_and_not_a_nanosecond_before() -> None:
    press: Film = [(0, []), (10 * MS, [("press", 10 * MS, {})])]
    assert told(press, 110 * MS - 1) == [("lit_up", 10 * MS), ("went_out", 110 * MS - 1)], "the film ends first"
    assert told(press, 110 * MS) == [("lit_up", 10 * MS), ("went_out", 110 * MS)]
    last = run(LAMP, press, 110 * MS)[-1]
    assert last.data == {"from": "lit", "to": "off", "on": "timeout"}, "by itself, not by the end of the film"


def test_a_timeout_has_its_own_time_however_late_the_next_frame_comes() -> None:
    film: Film = [(0, [("press", 0, {})]), (5 * S, [("press", 5 * S, {})])]
    assert told(film, 5 * S) == [("lit_up", 0), ("went_out", 100 * MS), ("lit_up", 5 * S), ("went_out", 5 * S)]


def test_a_signal_of_the_frame_at_the_timeout_meets_the_next_state() -> None:
    film: Film = [(0, [("press", 0, {})]), (100 * MS, [("press", 100 * MS, {})])]
    assert told(film, 150 * MS) == [("lit_up", 0), ("went_out", 100 * MS), ("lit_up", 100 * MS), ("went_out", 150 * MS)]


def test_a_signal_that_began_before_the_state_it_meets_counts_from_that_states_beginning() -> None:
    film: Film = [(0, [("press", 0, {})]), (120 * MS, [("press", 90 * MS, {})])]
    assert told(film, 120 * MS) == [("lit_up", 0), ("went_out", 100 * MS), ("lit_up", 100 * MS), ("went_out", 120 * MS)]


def test_a_state_begun_by_a_signal_of_long_ago_is_over_within_the_frame() -> None:
    film: Film = [(0, []), (500 * MS, [("press", 100 * MS, {})])]
    assert told(film, 500 * MS) == [("lit_up", 100 * MS), ("went_out", 200 * MS)]


def test_a_way_back_to_the_same_state_begins_its_time_anew() -> None:
    film: Film = [(0, [("press", 0, {})]), (90 * MS, [("press", 90 * MS, {})])]
    assert told(film, 150 * MS) == [("lit_up", 0), ("went_out", 90 * MS), ("lit_up", 90 * MS), ("went_out", 150 * MS)]


def raid(*signals: tuple[int, str, dict[str, Any]], end_s: int) -> list[tuple[str, int, dict[str, Any]]]:
    declared, _ = parse(TEXT, "gameplay.yaml")
    film: Film = [(0, []), *((at * S, [(name, at * S, data)]) for at, name, data in signals)]
    return [(each.kind, each.at_ns // S, dict(each.data)) for each in run(declared, film, end_s * S)]


def test_a_raid_from_the_stash_to_its_review() -> None:
    events = raid(
        (10, "stash_screen", {}), (20, "pre_raid_screen", {"map": "HARBOUR", "side": "PMC"}), (30, "queue_timer", {}),
        (60, "match_found", {}), (90, "gameplay_hud", {}), (200, "kill_notification", {"victim": "Ann", "weapon": "bow", "x": "y"}),
        (300, "outcome", {"outcome": "SURVIVED"}), (310, "post_raid_screen", {}), (320, "stash_screen", {}), end_s=330,
    )  # fmt: skip
    changes = [f"{data['from']}>{data['to']}" for kind, _, data in events if kind == "state_changed"]
    assert changes == [
        "idle>stash", "stash>pre_raid", "pre_raid>queue", "queue>deploying", "deploying>raid_active", "raid_active>terminal",
        "terminal>post_raid_review", "post_raid_review>stash",
    ]  # fmt: skip
    kept = {"map": "HARBOUR", "side": "PMC"}
    assert [event for event in events if event[0] != "state_changed"] == [
        ("raid_started", 90, {**kept, "state": "raid_active", "on": "gameplay_hud"}),
        ("kill_detected", 200, {**kept, "victim": "Ann", "weapon": "bow", "state": "raid_active"}),
        (
            "raid_ended", 300,
            {**kept, "outcome": "SURVIVED", "state": "raid_active", "lasted_ms": 210_000, "to": "terminal", "on": "outcome"},
        ),
    ]  # fmt: skip


def test_what_is_not_declared_is_refused_and_what_is_expected_is_not() -> None:
    events = raid((5, "outcome", {"outcome": "SURVIVED"}), (10, "kill_notification", {}), end_s=20)
    assert events == [("transition_refused", 5, {"state": "idle", "on": "outcome", "reason": "no transition"})]
    ways: Ways = [(1, "stash_screen", {}), (2, "pre_raid_screen", {}), (3, "queue_timer", {})]
    assert len(raid(*ways, (4, "queue_timer", {}), end_s=20)) == 3, "the timer that comes again is ignored"
    more = [*ways, (5, "match_found", {}), (6, "gameplay_hud", {})]
    assert raid(*more, (7, "outcome", {"outcome": "BANANA"}), end_s=8)[-2][2]["reason"] == "guard"


def test_the_end_of_the_film_ends_the_raid_and_says_why() -> None:
    ways: Ways = [
        (1, "stash_screen", {}),
        (2, "pre_raid_screen", {}),
        (3, "queue_timer", {}),
        (4, "match_found", {}),
        (5, "gameplay_hud", {}),
    ]
    assert raid(*ways, end_s=65)[-1] == ("raid_ended", 65, {"state": "raid_active", "lasted_ms": 60_000, "reason": "end of file"})


@pytest.mark.parametrize(("value", "text"), [(5, "5"), ("5", "5"), (True, "true"), ("SURVIVED", "SURVIVED")])
def test_guards_compare_texts(value: Any, text: str) -> None:
    way = {"from": "a", "on": "go", "to": "b", "when": {"field": value}}
    declared = {"initial": "a", "states": {"a": {}, "b": {"final": True}}, "transitions": [way]}
    changed = [e for e in run(declared, [(0, [("go", 0, {"field": value})])], 1) if e.role == "changed"]
    assert len(changed) == 1
    assert Declaration(**declared).transitions[0].when == {"field": (text,)}
    refused = [e.role for e in run(declared, [(0, [("go", 0, {"field": "other"}), ("go", 0, {})])], 1)]
    assert refused == ["refused", "refused"]


def test_a_guard_sees_the_label_and_the_way_without_one_is_for_the_rest() -> None:
    ways = [{"from": "a", "on": "over", "to": "b"}, {"from": "a", "on": "over", "to": "c", "when": {"label": "death_screen"}}]
    machine = Machine(Declaration(initial="a", states={"a": {}, "b": {"final": True}, "c": {"final": True}}, transitions=ways))
    now, _ = begin(machine, 0)
    assert take(machine, now, Signal("over", 1, {}, "death_screen"))[0].state == "c"
    assert take(machine, now, Signal("over", 1, {}, "mia_screen"))[0].state == "b"


@pytest.mark.parametrize(("text", "ns"), [("1500 ms", 1500 * MS), ("0.1s", 100 * MS), ("2.5 min", 150 * S), ("1 h", 3600 * S)])
def test_durations_are_exact(text: str, ns: int) -> None:
    assert duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "5", "0 s", "-1 s", "1 d", "31000 h", "1e3 s", "٣ s", "0.0000001 ms"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time from"):
        duration_ns(text)


def test_the_example_is_the_same_read_by_any_yaml_with_the_word_on_quoted() -> None:
    assert parse(TEXT, "x")[0] == yaml.safe_load(TEXT.replace(" on:", ' "on":'))
