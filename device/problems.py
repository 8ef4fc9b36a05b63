"""What is wrong with a configuration: file, line, key, value, and the mend, for every fault at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import ErrorDetails

from contracts.errors import ConfigError

Loc = tuple[str | int, ...]
SECRET = re.compile(r"password|token|secret|credential", re.IGNORECASE)
USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `where` is `file:line` or the name of an environment variable."""

    where: str
    key: str
    value: str
    what: str
    mend: str

    def __str__(self) -> str:
        given = f" = {self.value}" if self.value else ""
        return f"{self.where}: {self.key}{given}: {self.what}; {self.mend}"


class BadConfig(ConfigError):
    """The configuration cannot be used; every fault that was found is in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def shown(key: str, value: Any) -> str:
    """A value as it may be printed: short, without secrets and without the user of a URL."""
    if SECRET.search(key):
        return "(hidden)"
    text = USERINFO.sub("***@", repr(value))
    return text if len(text) <= 80 else text[:77] + "..."


@dataclass
class Origins:
    """Where each key was written: the file and line of every path in the merged configuration; later files win."""

    lines: dict[Loc, str] = field(default_factory=dict)
    variables: dict[Loc, str] = field(default_factory=dict)
    last_file: str = "configuration"

    def where(self, loc: Loc) -> str:
        """The most exact place known: the key itself, else the nearest thing around it."""
        for length in range(len(loc), 0, -1):
            for places in (self.variables, self.lines):
                if loc[:length] in places:
                    return places[loc[:length]]
        return self.last_file


def read_yaml(path: Path, origins: Origins) -> dict[str, Any]:
    """A YAML mapping and where each of its keys stands. BadConfig for what is not readable, not YAML or has a key twice."""
    origins.last_file = str(path)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise BadConfig([Problem(str(path), "file", "", what, "give the path of a readable file")]) from error
    except UnicodeDecodeError as error:
        raise BadConfig([Problem(str(path), "file", "", f"is not UTF-8 text: {error.reason}", "save it as UTF-8")]) from error
    except yaml.YAMLError as error:
        raise BadConfig([_yaml_problem(path, error)]) from error
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise BadConfig([Problem(f"{path}:1", "file", "", "is not a mapping of keys to values", "write `key: value` lines")])
    problems: list[Problem] = []
    _walk(path, node, (), origins, problems)
    if problems:
        raise BadConfig(problems)
    value: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value


def _yaml_problem(path: Path, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "cannot be read"
    where = f"{path}:{mark.line + 1}" if mark else str(path)
    return Problem(where, "file", "", f"is not valid YAML: {what}", "mend that line (indent with spaces, close every bracket and quote)")


def _walk(path: Path, node: yaml.Node, loc: Loc, origins: Origins, problems: list[Problem]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            at: Loc = (*loc, index)
            origins.lines[at] = f"{path}:{item.start_mark.line + 1}"
            _walk(path, item, at, origins, problems)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key_node, value_node in node.value:
        key, where = str(key_node.value), f"{path}:{key_node.start_mark.line + 1}"
        inner: Loc = (*loc, key)
        if key in seen:
            problems.append(Problem(where, ".".join(map(str, inner)), "", "is written twice", "keep one of the two"))
        seen.add(key)
        origins.lines[inner] = where
        _walk(path, value_node, inner, origins, problems)


def from_pydantic(errors: Sequence[ErrorDetails], origins: Origins, known: Mapping[Loc, Sequence[str]], prefix: Loc = ()) -> list[Problem]:
    """pydantic's errors in our words. `known` gives the keys allowed at a place, for "did you mean"."""
    return [_from_one(error, origins, known, prefix) for error in errors]


def _from_one(error: ErrorDetails, origins: Origins, known: Mapping[Loc, Sequence[str]], prefix: Loc) -> Problem:
    loc: Loc = (*prefix, *error["loc"])
    key = ".".join(map(str, loc))
    value = "" if error["type"] == "missing" else shown(key, error["input"])
    what, mend = _words(error, loc, known)
    return Problem(origins.where(loc), key, value, what, mend)


def _words(error: ErrorDetails, loc: Loc, known: Mapping[Loc, Sequence[str]]) -> tuple[str, str]:
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return "is not a known key", meant(str(loc[-1]), known.get(loc[:-1], ()))
    if kind == "missing":
        return "is missing", f"add `{loc[-1]}:` here"
    if kind == "literal_error":
        return "is not one of the words allowed here", f"choose {error.get('ctx', {}).get('expected', 'one of them')}"
    message = message.removeprefix("Value error, ")
    what, _, mend = message.partition("; ")
    return what[:1].lower() + what[1:], mend or "change the value"


def meant(word: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, allowed, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"choose one of: {', '.join(allowed)}" if allowed else "remove it"
