"""YAML an owner wrote, examined before it is believed: no aliases, no key twice, every fault with its line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ConfigError

DEEPEST = 12
Place = tuple[str | int, ...]


@dataclass
class Text:
    """The values of a YAML file, and the line each stands in."""

    path: Path
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def fault(self, line: int, what: str) -> None:
        self.faults.append(f"{self.path}:{line}: {what}")

    def line(self, place: Place) -> int:
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(path: Path, raw: bytes) -> tuple[Any, Text]:
    """The values of the file, and where each stands; ConfigError with all faults of its form, one a line."""
    text = Text(path)
    try:
        node = _composed(raw)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not YAML ({' '.join(str(error).split())}); mend it there") from error
    values = _value(node, (), text) if node else {}
    if text.faults:
        raise ConfigError("\n".join(text.faults))
    return values, text


def _composed(raw: bytes) -> yaml.Node | None:
    """No aliases: a short file of them unfolds to a gigabyte."""
    depth, line = 0, 0
    for event in yaml.parse(raw, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else line
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"line {line}: aliases (*{event.anchor}) are not taken, write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"line {line}: more than {DEEPEST} things within one another")
    return yaml.compose(raw, yaml.SafeLoader)


def _value(node: yaml.Node, place: Place, text: Text) -> Any:
    line = node.start_mark.line + 1
    text.lines.setdefault(place, line)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, text)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*place, n), text) for n, each in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        text.fault(line, f"{key(place)}: cannot be read ({' '.join(str(error).split())}); write it in quotes")
        return None


def _mapping(node: yaml.MappingNode, place: Place, text: Text) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for each, value in node.value:
        name, line = str(each.value), each.start_mark.line + 1
        here = (*place, name)
        if not isinstance(each, yaml.ScalarNode):
            text.fault(line, f"{key(place)}: a key that is not a word; write `name: value`")
        elif name in result:
            text.fault(line, f"{key(here)}: is there twice, first in line {text.lines[here]}; keep one")
        else:
            text.lines[here] = line
            result[name] = _value(value, here, text)
    return result


def key(place: Place) -> str:
    return ".".join(map(str, place)) or "the file"


def meant(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"choose one of {', '.join(known)}" if known else "remove it"
