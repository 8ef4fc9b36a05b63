"""The diagram, read back: it shows the states, ways, guards, timeouts and events that were declared, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from device.documents import parse
from device.stages.machine.declaration import Declaration
from device.stages.machine.diagram import diagram
from tests.device.stages.machine.machines import machines

NAME = r"(\[\*\]|[a-z][a-z0-9_]*)"
ARROW = re.compile(rf"    {NAME} --> {NAME}(?: : ([^:;]*))?")
TOLD = re.compile(rf"    {NAME} : ([^:;]*) / ([a-z0-9_]+)")
ALIAS = re.compile(rf'    state "([a-z0-9_]+)" as {NAME}')


def read_back(text: str) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """(from, to, words) of the arrows and (state, on, kind) of what is told; entities and aliases undone. Every line must be one."""
    first, *lines = text.splitlines()
    assert first == "stateDiagram-v2"
    names: dict[str, str] = {}
    arrows, told = set(), set()
    for line in lines:
        plain = re.sub(r"#(\d+);", lambda found: f"\0{found[1]}\0", line)
        alias, arrow, event = ALIAS.fullmatch(plain), ARROW.fullmatch(plain), TOLD.fullmatch(plain)
        assert alias or arrow or event, line
        if alias:
            names[alias[2]] = alias[1]
        elif arrow:
            arrows.add((names.get(arrow[1], arrow[1]), names.get(arrow[2], arrow[2]), undone(arrow[3] or "")))
        elif event:
            told.add((names.get(event[1], event[1]), undone(event[2]), event[3]))
    return arrows, told


def undone(text: str) -> str:
    return re.sub("\0(\\d+)\0", lambda found: chr(int(found[1])), text)


def expected(declared: dict[str, Any]) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    arrows, told = {("[*]", declared["initial"], "")}, set()
    for way in declared["transitions"]:
        arrows |= {(name, way["to"], way["on"] + guard(way)) for name in listed(way["from"])}
    for name, state in declared["states"].items():
        told |= {(name, word, state[word]) for word in ("enter", "exit") if state.get(word)}
        if state.get("timeout"):
            arrows.add((name, state["timeout"]["to"], f"after {state['timeout']['after']}"))
        if state.get("final"):
            arrows.add((name, "[*]", ""))
    for emit in declared["emit"]:
        told |= {(name, emit["on"] + guard(emit), emit["event"]) for name in listed(emit["in"])}
    return arrows, told


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def guard(rule: dict[str, Any]) -> str:
    parts = [f"{field} = {'|'.join(listed(texts))}" for field, texts in rule.get("when", {}).items()]
    return f" [{', '.join(parts)}]" if parts else ""


@given(machines())
def test_any_machine_is_drawn_as_it_was_declared(declared: dict[str, Any]) -> None:
    assert read_back(diagram(Declaration(**declared))) == expected(declared)


def test_the_example_is_drawn() -> None:
    declared, _ = parse((Path(__file__).parent / "gameplay.yaml").read_text(), "gameplay.yaml")
    text = diagram(Declaration(**declared))
    assert read_back(text) == expected(declared)
    assert "    raid_active --> terminal : outcome [outcome = SURVIVED|KILLED IN ACTION|MISSING IN ACTION]\n" in text
    assert "    raid_active : kill_notification / kill_detected\n" in text


@given(st.text(min_size=1, max_size=12))
def test_no_text_of_a_guard_breaks_out_of_its_label(text: str) -> None:
    states = {"end": {}, "note": {"final": True}}
    declared = {
        "initial": "end",
        "states": states,
        "emit": [],
        "transitions": [{"from": "end", "on": "a", "to": "note", "when": {text: text}}],
    }
    assert read_back(diagram(Declaration(**declared))) == expected(declared)
