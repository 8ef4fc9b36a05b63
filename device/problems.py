"""What is wrong with a configuration: file, line, key, value, and the mend, for every fault at once."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from contracts.errors import ConfigError
from device.scrub import SECRET, scrub

Loc = tuple[str | int, ...]


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
    if SECRET.search(key) or _nearly_secret(key):
        return "(hidden)"
    text = scrub(reprlib.repr(value) if isinstance(value, (dict, list, tuple)) else repr(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _nearly_secret(key: str) -> bool:
    """`mqtt.pasword` is no known key, and what stands behind it is a password all the same."""
    words = re.split(r"[^a-z]+", key.lower())
    return any(difflib.get_close_matches(word, ("password", "passphrase", "token", "secret"), 1, 0.66) for word in words)


@dataclass
class Origins:
    """Where each key was written: the file and line of every path in the merged configuration; later files win."""

    lines: dict[Loc, str] = field(default_factory=dict)
    variables: dict[Loc, str] = field(default_factory=dict)
    last_file: str = "configuration"
    profile: str = ""  # the file of it

    def where(self, loc: Loc) -> str:
        """The most exact place known: the key itself, else the nearest thing around it."""
        for length in range(len(loc), 0, -1):
            for places in (self.variables, self.lines):
                if loc[:length] in places:
                    return places[loc[:length]]
        return self.last_file


def from_pydantic(errors: Sequence[ErrorDetails], origins: Origins, known: Mapping[Loc, Sequence[str]], prefix: Loc = ()) -> list[Problem]:
    """pydantic's errors in our words. `known` gives the keys allowed at a place, for "did you mean"."""
    return [_from_one(error, origins, known, prefix) for error in errors]


def _from_one(error: ErrorDetails, origins: Origins, known: Mapping[Loc, Sequence[str]], prefix: Loc) -> Problem:
    loc: Loc = (*prefix, *error["loc"])
    key = ".".join(map(str, loc))
    what, mend = _words(error, loc, known)
    value = "" if error["type"] == "missing" or _speaks_for_itself(error, what) else shown(key, error["input"])
    return Problem(origins.where(loc), key, value, what, mend)


def _speaks_for_itself(error: ErrorDetails, what: str) -> bool:
    """The sentence has the value already, or is of a whole section, which nobody wants to read again."""
    given = error["input"]
    return what.startswith(repr(given)) or (error["type"] == "value_error" and isinstance(given, (Mapping, BaseModel)))


def _words(error: ErrorDetails, loc: Loc, known: Mapping[Loc, Sequence[str]]) -> tuple[str, str]:
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return "is not a known key", meant(str(loc[-1]), known.get(loc[:-1], ()))
    if kind == "missing":
        return "is missing", f"add `{loc[-1]}:` here"
    if kind == "literal_error":
        return "is not one of the words allowed here", f"choose {error.get('ctx', {}).get('expected', 'one of them')}"
    if kind == "string_type":
        return "is not text", "put it in quotes, with its unit where it has one"
    if kind == "string_pattern_mismatch":
        return "is not written as it must be", f"it has to fit {error.get('ctx', {}).get('pattern', 'the pattern')}"
    message = message.removeprefix("Value error, ")
    what, _, mend = message.partition("; ")
    return what[:1].lower() + what[1:], mend or "change the value"


def meant(word: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, allowed, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"choose one of: {', '.join(allowed)}" if allowed else "remove it"


def known_keys(model: type[BaseModel], at: Loc = ()) -> dict[Loc, tuple[str, ...]]:
    """The keys allowed at each place of a model and the models inside it."""
    keys: dict[Loc, tuple[str, ...]] = {at: tuple(model.model_fields)}
    for name, info in model.model_fields.items():
        types = (info.annotation, *getattr(info.annotation, "__args__", ()))
        for each in (t for t in types if isinstance(t, type) and issubclass(t, BaseModel)):
            keys.update(known_keys(each, (*at, name)))
    return keys
