"""Faults of a declared machine: each is found when the configuration is read, with the file and line of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.config import Loaded, load
from device.problems import BadConfig

HEAD = """\
cameras: {left: {use: pattern}}
pipeline:
  steady: {use: steady, rules: {alpha: {}, beta: {}, gamma: {}}}
  machine:
    use: state_machine
"""
GOOD = """\
    initial: idle
    states:
      idle: {}
      busy: {enter: work_began, exit: work_ended, timeout: {after: 10 s, to: idle}}
      over: {final: true}
    transitions:
      - {from: idle, on: alpha, to: busy}
      - {from: busy, on: beta, to: over, when: {outcome: WON}}
      - {from: busy, on: beta, to: idle, when: {outcome: [LOST, DRAWN]}}
      - {from: busy, on: beta.end, to: idle}
    emit:
      - {in: busy, on: gamma, event: shot, fields: [who]}
"""
# what is changed, into what, and the line, the key and the words of what is then said
FAULTS = {
    "no first state": ("initial: idle", "initial: none", 6, "initial = 'none'", "is no state of this machine"),
    "a misspelt first state": ("initial: idle", "initial: idel", 6, "initial = 'idel'", "did you mean `idle`?"),
    "a way from nowhere": (
        "{from: idle, on: alpha",
        "{from: [idle, bsy], on: alpha",
        12,
        "transitions.0.from = 'bsy'",
        "did you mean `busy`?",
    ),
    "a way to nowhere": ("to: over, when", "to: ovre, when", 13, "transitions.1.to = 'ovre'", "did you mean `over`?"),
    "a timeout to nowhere": ("10 s, to: idle", "10 s, to: home", 9, "states.busy.timeout.to = 'home'", "declare it under `states`"),
    "an event in no state": ("in: busy, on: gamma", "in: buzy, on: gamma", 17, "emit.0.in = 'buzy'", "did you mean `busy`?"),
    "a signal nobody gives": ("on: alpha", "on: alhpa", 12, "transitions.0.on = 'alhpa'", "did you mean `alpha`?"),
    "an ending nobody gives": ("on: beta.end", "on: omega.end", 15, "transitions.3.on = 'omega.end'", "the kinds are: alpha, beta, gamma"),
    "an event for a signal nobody gives": ("on: gamma", "on: gama", 17, "emit.0.on = 'gama'", "did you mean `gamma`?"),
    "an ignored signal nobody gives": (
        "idle: {}",
        "idle: {ignore: [omega]}",
        8,
        "states.idle.ignore.0 = 'omega'",
        "no stage before this one",
    ),
    "ignored and acted on": ("idle: {}", "idle: {ignore: [alpha]}", 8, "states.idle.ignore.0 = 'alpha'", "ignored here and acted on"),
    "a state nobody reaches": (
        "over: {final: true}",
        "over: {final: true}\n      lost: {final: true}",
        11,
        "states.lost",
        "cannot be reached",
    ),
    "a dead end": ("over: {final: true}", "over: {}", 10, "states.over", "is a dead end"),
    "only back to itself": ("over: {final: true}", "over: {timeout: {after: 1 s, to: over}}", 10, "states.over", "is a dead end"),
    "an end that is none": ("idle: {}", "idle: {final: true}", 8, "states.idle.final = True", "is not final"),
    "two plain ways": (
        "on: beta.end, to: idle",
        "on: beta.end, to: idle}\n      - {from: busy, on: beta.end, to: over",
        16,
        "transitions.4",
        "from busy on beta.end there is transitions.3 too",
    ),
    "two guards that both can hold": ("[LOST, DRAWN]", "[LOST, WON]", 14, "transitions.2", "both can hold"),
    "guards of different fields": ("{outcome: [LOST, DRAWN]}", "{score: '0'}", 14, "transitions.2", "both can hold"),
    "a ring of timeouts": ("idle: {}", "idle: {timeout: {after: 1 s, to: busy}}", 8, "states.idle.timeout", "idle > busy > idle"),
    "a word of the machine's own": (
        "enter: work_began",
        "enter: state_changed",
        9,
        "states.busy.enter = 'state_changed'",
        "told by every machine",
    ),
    "one event told twice": (
        "fields: [who]}",
        "fields: [who]}\n      - {in: [busy], on: gamma, event: shot}",
        18,
        "emit.1",
        "tells the same as emit.0",
    ),
    "a time without a unit": ("after: 10 s", "after: 10", 9, "states.busy.timeout.after = 10", "put it in quotes"),
    "a time that is none": ("after: 10 s", "after: ten s", 9, "states.busy.timeout.after: 'ten s'", "write a number and ms, s, min or h"),
    "a misspelt key": ("event: shot", "evnt: shot", 17, "emit.0.evnt", "is not a known key"),
    "a name with a space": ("event: shot", "event: a shot", 17, "emit.0.event = 'a shot'", "it has to fit"),
    "a guard of nothing": ("[LOST, DRAWN]", "[]", 14, "transitions.2.when.outcome", "at least 1"),
}


def read(folder: Path, text: str) -> Loaded:
    profile = folder / "game.yaml"
    profile.write_text(text)
    return load(None, str(profile))


def test_a_good_machine_is_taken(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + GOOD).stages["machine"][1].initial == "idle"


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_said_with_its_line(name: str, tmp_path: Path) -> None:
    old, new, line, key, words = FAULTS[name]
    assert GOOD.count(old) == 1
    with pytest.raises(BadConfig) as bad:
        read(tmp_path, HEAD + GOOD.replace(old, new))
    said = [str(problem) for problem in bad.value.problems]
    assert any(each.startswith(f"{tmp_path}/game.yaml:{line}: pipeline.machine.{key}") and words in each for each in said), said


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    text = HEAD + GOOD.replace("over: {final: true}", "over: {}\n      lost: {}")
    with pytest.raises(BadConfig) as bad:
        read(tmp_path, text)
    assert [problem.key.rpartition(".")[2] for problem in bad.value.problems] == ["lost", "over", "lost"]


def test_signals_are_not_guessed_at_where_a_stage_before_cannot_say_what_it_gives(tmp_path: Path) -> None:
    head = HEAD.replace(", rules: {alpha: {}, beta: {}, gamma: {}}", "")
    assert read(tmp_path, head + GOOD.replace("on: alpha", "on: whatever")).stages["machine"][1].transitions[0].on == "whatever"
    none = "\n".join(line for line in HEAD.splitlines() if "steady" not in line) + "\n"
    with pytest.raises(BadConfig, match="put `steady` or another stage that gives some before it"):
        read(tmp_path, none + GOOD)


def test_the_file_of_a_machine_has_its_own_lines(tmp_path: Path) -> None:
    body = "\n".join(line[4:] for line in GOOD.splitlines())
    (tmp_path / "raid.yaml").write_text(body.replace("to: over, when", "to: ovre, when"))
    with pytest.raises(BadConfig) as bad:
        read(tmp_path, HEAD + "    machine: raid.yaml\n")
    assert str(bad.value).startswith(f"{tmp_path}/raid.yaml:8: pipeline.machine.transitions.1.to = 'ovre'")
