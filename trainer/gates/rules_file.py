"""The gates file: YAML that is examined before it is believed; every fault with its line and its mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contracts.errors import ConfigError
from dataset.layout import read_small
from trainer.gates.rules import Absolute, CostRule, Gates, Golden, NonInferior, Title, Wear
from trainer.yaml_text import Place, Text, key, meant, read_yaml

LARGEST = 1 << 20
KINDS: Mapping[str, type[BaseModel]] = {"absolute": Absolute, "non_inferior": NonInferior, "golden": Golden, "cost": CostRule}


@dataclass(frozen=True)
class GatesFile:
    path: Path
    gates: Gates
    sha256: str


def read_gates(path: Path) -> GatesFile:
    """ConfigError with all faults, one a line."""
    raw = read_small(path, LARGEST)
    values, text = read_yaml(path, raw)
    try:
        return GatesFile(path, Gates.model_validate(values), sha256(raw).hexdigest())
    except ValidationError as error:
        raise ConfigError("\n".join(_told(error, text, values))) from error


def _told(error: ValidationError, text: Text, values: Any) -> Iterator[str]:
    for each in error.errors():
        place = _place(each["loc"])
        what, mend = _words(each, place, values)
        yield f"{text.path}:{text.line(place)}: {key(place)}: {what}; {mend}"


def _place(loc: Place) -> Place:
    """pydantic puts the kind of a rule, or of a value, between the keys."""
    if len(loc) > 2 and loc[0] == "rules" and loc[2] in KINDS:
        loc = (*loc[:2], *loc[3:])
    return tuple(part for part in loc if not (isinstance(part, str) and ("[" in part or "]" in part)))


def _words(error: ErrorDetails, place: Place, values: Any) -> tuple[str, str]:
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return "is not a known key", meant(str(place[-1]), _known(place[:-1], values))
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
