"""Diagram: a declared machine as Mermaid's stateDiagram-v2, to be read where Markdown is."""

from __future__ import annotations

import re

from device.stages.machine.declaration import Declaration, Guard

RESERVED = {"state", "note", "end", "direction", "as", "class", "classdef", "style", "click", "default", "hide", "scale", "root"}
PLAIN = re.compile(r"[A-Za-z0-9_ .,=|\[\]()/>-]")


def diagram(machine: Declaration) -> str:
    """States in the order of the declaration, an arrow for each way, one line in a state for what it tells."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{name}" as {_id(name)}' for name in machine.states if _id(name) != name]
    lines.append(f"    [*] --> {_id(machine.initial)}")
    for name, state in machine.states.items():
        told = {"enter": state.enter, "exit": state.exit}
        lines += [f"    {_id(name)} : {word} / {kind}" for word, kind in told.items() if kind]
        mine = [emit for emit in machine.emit if name in emit.in_]
        lines += [f"    {_id(name)} : {_escaped(emit.on + _guard(emit.when))} / {emit.event}" for emit in mine]
    for way in machine.transitions:
        lines += [f"    {_id(name)} --> {_id(way.to)} : {_escaped(way.on + _guard(way.when))}" for name in way.from_]
    for name, state in machine.states.items():
        if state.timeout:
            lines.append(f"    {_id(name)} --> {_id(state.timeout.to)} : {_escaped('after ' + state.timeout.after)}")
        if state.final:
            lines.append(f"    {_id(name)} --> [*]")
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    """Words of Mermaid's own are no names there."""
    return f"{name}_" if name in RESERVED else name


def _guard(when: Guard) -> str:
    return f" [{', '.join(f'{field} = {_either(texts)}' for field, texts in when.items())}]" if when else ""


def _either(texts: tuple[str, ...]) -> str:
    return "|".join(texts)


def _escaped(text: str) -> str:
    """Anything that could end a label or be taken for markup as a character's number."""
    return "".join(char if PLAIN.fullmatch(char) else f"#{ord(char)};" for char in text)
