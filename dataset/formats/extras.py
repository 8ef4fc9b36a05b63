"""What XML formats have no word for: fields of a label as text attributes whose names begin with `vedette_`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from dataset.bounds import ItemError
from dataset.formats.elements import shown
from dataset.items import Label

PREFIX = "vedette_"
_DEFAULTS = {field.name: field.default for field in fields(Label)}


def extras_of(label: Label, names: Iterable[str]) -> dict[str, str]:
    """Only what differs from a plain label."""
    return {PREFIX + name: _text(value) for name in names if (value := getattr(label, name)) != _DEFAULTS[name]}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(shown(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_extras(attributes: dict[str, str]) -> dict[str, Any]:
    """Keyword arguments of a Label; they are taken out of `attributes`."""
    found: dict[str, Any] = {}
    for name in [name for name in attributes if name.startswith(PREFIX)]:
        field = name.removeprefix(PREFIX)
        if field in _READ:
            found[field] = _READ[field](name, attributes.pop(name))
    return found


def _float(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ItemError("attributes", f"{name} {text[:40]!r}: is not a number") from error


def _int(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ItemError("attributes", f"{name} {text[:40]!r}: is not a whole number") from error


def _bool(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise ItemError("attributes", f"{name} {text[:40]!r}: is neither true nor false")
    return text == "true"


def _point(name: str, text: str) -> tuple[float, float]:
    x, comma, y = text.partition(",")
    if not comma:
        raise ItemError("attributes", f"{name} {text[:40]!r}: is not x,y")
    return _float(name, x), _float(name, y)


def _words(_name: str, text: str) -> str:
    return text


_READ: dict[str, Any] = {"confidence": _float, "source": _words, "observation": _words, "track": _int, "point": _point}
_READ |= dict.fromkeys(("verified", "crowd", "difficult", "truncated", "occluded"), _bool)
