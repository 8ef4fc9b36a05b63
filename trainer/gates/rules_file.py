"""The gates file: YAML that is examined before it is believed; every fault with its line and its mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contracts.errors import ConfigError
from dataset.layout import read_small
from trainer.gates.rules import Absolute, CostRule, Gates, Golden, NonInferior, Title, Wear

LARGEST = 1 << 20
DEEPEST = 12
KINDS: Mapping[str, type[BaseModel]] = {"absolute": Absolute, "non_inferior": NonInferior, "golden": Golden, "cost": CostRule}
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class GatesFile:
    path: Path
    gates: Gates
    sha256: str


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


def read_gates(path: Path) -> GatesFile:
    """ConfigError with all faults, one a line."""
    raw = read_small(path, LARGEST)
    text = Text(path)
    try:
        node = _composed(raw)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not YAML ({' '.join(str(error).split())}); mend it there") from error
    values = _value(node, (), text) if node else {}
    try:
        if text.faults:
            raise ConfigError("\n".join(text.faults))
        return GatesFile(path, Gates.model_validate(values), sha256(raw).hexdigest())
    except ValidationError as error:
        raise ConfigError("\n".join(_told(error, text, values))) from error


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
        text.fault(line, f"{_key(place)}: cannot be read ({' '.join(str(error).split())}); write it in quotes")
        return None


def _mapping(node: yaml.MappingNode, place: Place, text: Text) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        here = (*place, name)
        if not isinstance(key, yaml.ScalarNode):
            text.fault(line, f"{_key(place)}: a key that is not a word; write `name: value`")
        elif name in result:
            text.fault(line, f"{_key(here)}: is there twice, first in line {text.lines[here]}; keep one")
        else:
            text.lines[here] = line
            result[name] = _value(value, here, text)
    return result


def _told(error: ValidationError, text: Text, values: Any) -> Iterator[str]:
    for each in error.errors():
        place = _place(each["loc"])
        what, mend = _words(each, place, values)
        yield f"{text.path}:{text.line(place)}: {_key(place)}: {what}; {mend}"


def _place(loc: Place) -> Place:
    """pydantic puts the kind of a rule, or of a value, between the keys."""
    if len(loc) > 2 and loc[0] == "rules" and loc[2] in KINDS:
        loc = (*loc[:2], *loc[3:])
    return tuple(part for part in loc if not (isinstance(part, str) and ("[" in part or "]" in part)))


def _key(place: Place) -> str:
    return ".".join(map(str, place)) or "the file"


def _words(error: ErrorDetails, place: Place, values: Any) -> tuple[str, str]:
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return "is not a known key", _meant(str(place[-1]), _known(place[:-1], values))
    if kind == "missing":
        return "is missing", f"add `{place[-1]}:` here"
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        return "has no kind that is known", f"write `kind:` as one of {', '.join(KINDS)}"
    if kind == "literal_error":
        return f"{given!r} is none of the words allowed here", f"choose {error.get('ctx', {}).get('expected', 'one of them')}"
    what, _, mend = error["msg"].removeprefix("Value error, ").partition("; ")
    shown = f"{given!r:.60}: " if isinstance(given, (str, int, float, bool)) else ""
    return shown + what[:1].lower() + what[1:], mend or "change the value"


def _known(place: Place, values: Any) -> tuple[str, ...]:
    if not place:
        return tuple(Gates.model_fields)
    if place[0] == "rules" and len(place) == 2:
        kind = values["rules"][place[1]].get("kind")
        return tuple(KINDS[kind].model_fields) if kind in KINDS else ()
    parts: dict[str | int, type[BaseModel]] = {"test_set": Wear, "title": Title}
    return tuple(parts[place[0]].model_fields) if place[0] in parts else ()


def _meant(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"choose one of {', '.join(known)}" if known else "remove it"
