"""Documents: YAML as an owner writes it, read with the line of every key; what would eat memory or cannot be meant is refused in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from device.problems import BadConfig, Loc, Origins, Problem

MAX_BYTES = 1 << 18  # of a file; a configuration has a few thousand
MAX_BRACKETS = 50  # one within another
MAX_VALUES = 20_000  # keys and values once every alias is followed: a few lines of aliases can mean billions
TEXT = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"
BOOL = "tag:yaml.org,2002:bool"
UNUSABLE = re.compile("[\0\ud800-\udfff]")  # no path, name or address can hold them
SAVE = "save it as UTF-8"


class Reader(yaml.SafeLoader):
    """PyYAML looks at every open bracket at every word: thousands of them would take it minutes."""

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        if len(self.indents) + self.flow_level > MAX_BRACKETS:
            raise yaml.scanner.ScannerError(None, None, "is nested too deeply", self.get_mark())
        super().fetch_flow_collection_start(token)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """YAML 1.1 takes `on` for true; as a key (`on: signal`) only the word can be meant."""
        node = super().compose_mapping_node(anchor)
        for key, _ in node.value:
            if key.tag == BOOL and key.value == "on" and key.style is None:
                key.tag = TEXT
        return node


def read_yaml(path: Path, origins: Origins) -> dict[str, Any]:
    """A YAML mapping and where each of its keys stands. BadConfig for what is not readable, not YAML or has a key twice."""
    origins.last_file = str(path)
    value, lines = parse(_text(path), str(path))
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadConfig([Problem(f"{path}:1", "file", "", "is not a mapping of keys to values", "write `key: value` lines")])
    origins.lines.update(lines)
    return value


def parse(text: str, where: str) -> tuple[Any, dict[Loc, str]]:
    """What a document says, and the place of each of its keys."""
    try:
        node = yaml.compose(text, Loader=Reader)
        lines = Walk(where).over(node) if node else {}
        return yaml.load(text, Loader=Reader), lines  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise BadConfig([_not_yaml(where, error)]) from error
    except (ValueError, OverflowError) as error:  # a date or a number that there is not
        raise BadConfig([Problem(where, "value", "", f"holds a value that cannot be read: {error}", "put it in quotes")]) from error
    except RecursionError as error:
        raise BadConfig([Problem(where, "file", "", "is nested too deeply", "remove brackets")]) from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise BadConfig([Problem(repr(str(path))[1:-1], "file", "", what, "give the path of a readable file")]) from error
    if len(data) > MAX_BYTES:
        raise BadConfig([Problem(str(path), "file", "", f"is larger than {MAX_BYTES >> 10} KiB", "give the path of a configuration")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadConfig([Problem(str(path), "file", "", f"is not UTF-8 text: {error.reason}", SAVE)]) from error


def _not_yaml(where: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    place = f"{where}:{mark.line + 1}" if mark else where
    return Problem(place, "file", "", f"is not valid YAML: {what}", "mend that line (indent with spaces, close every bracket and quote)")


class Walk:
    """Once over every node, aliases followed as often as they stand there."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._lines: dict[Loc, str] = {}
        self._problems: list[Problem] = []
        self._seen = 0

    def over(self, node: yaml.Node) -> dict[Loc, str]:
        """The place of every key; BadConfig with all that is wrong."""
        self._node(node, ())
        if self._problems:
            raise BadConfig(self._problems)
        return self._lines

    def _node(self, node: yaml.Node, loc: Loc) -> None:
        self._seen += 1
        if self._seen > MAX_VALUES:
            raise BadConfig([Problem(self._at(node), "file", "", f"has more than {MAX_VALUES} values", "remove aliases (`*name`)")])
        if isinstance(node, yaml.ScalarNode) and UNUSABLE.search(node.value):
            self._wrong(node, loc, "has a character that cannot be used", "remove it")
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                at: Loc = (*loc, index)
                self._lines[at] = self._at(item)
                self._node(item, at)
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, loc)

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag == MERGE:
                self._node(value, loc)
                continue
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            inner: Loc = (*loc, name)
            if key.tag != TEXT or UNUSABLE.search(name):
                self._wrong(key, inner, "is a key that is not text", f'put it in quotes: "{name}"')
            elif name in seen:
                self._wrong(key, inner, "is written twice", "keep one of the two")
            seen.add(name)
            self._lines[inner] = self._at(key)
            self._node(value, inner)

    def _wrong(self, node: yaml.Node, loc: Loc, what: str, mend: str) -> None:
        key = ".".join(ascii(str(part))[1:-1] if UNUSABLE.search(str(part)) else str(part) for part in loc) or "file"
        self._problems.append(Problem(self._at(node), key, "", what, mend))

    def _at(self, node: yaml.Node) -> str:
        return f"{self._where}:{node.start_mark.line + 1}"
