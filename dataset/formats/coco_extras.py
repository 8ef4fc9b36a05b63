"""What COCO has no word for, under the key `vedette` of images and annotations, where other tools do not look."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dataset.bounds import ItemError
from dataset.items import Box, Item, Label, Origin, Value

_DEFAULTS = {field.name: field.default for field in fields(Label)}
LABEL_KEYS = {"confidence": float, "source": str, "verified": bool, "track": int, "difficult": bool, "truncated": bool}
LABEL_KEYS |= {"occluded": bool, "observation": str}
ORIGIN_KEYS = {"camera": str, "session": str, "event": str, "source": str, "wall_ns": int, "reason": str, "probability": float}
ORIGIN_KEYS |= {"device": str}


def label_extras(label: Label) -> dict[str, Any]:
    """Only what differs from a plain label."""
    extras = {key: value for key in LABEL_KEYS if (value := getattr(label, key)) != _DEFAULTS[key]}
    return {**extras, "point": list(label.point)} if label.point is not None else extras


def item_extras(item: Item, id_is_number: bool) -> dict[str, Any]:
    extras: dict[str, Any] = {} if id_is_number else {"id": item.id}
    for key in ("split", "sequence", "frame", "sha256"):
        if getattr(item, key) not in {"", None}:
            extras[key] = getattr(item, key)
    if item.phash is not None:
        extras["phash"] = f"{item.phash:016x}"
    if item.exhaustive_for is not None:
        extras["exhaustive_for"] = list(item.exhaustive_for)
    origin = {key: value for key in ORIGIN_KEYS if (value := getattr(item.origin, key)) not in {"", None}}
    lists = {"ignore": [list(box) for box in item.ignore], "near": list(item.near)}
    maps = {"origin": origin, "attributes": dict(item.attributes)}
    return extras | {key: value for key, value in (*lists.items(), *maps.items()) if value}


def read_label(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a Label; a value of the wrong kind is ItemError."""
    found = {key: _of(extras[key], kind, key) for key, kind in LABEL_KEYS.items() if key in extras}
    if "point" in extras:
        found["point"] = tuple(floats(extras["point"], 2, "point"))
    return found


def read_item(extras: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"id": str, "split": str, "sequence": str, "frame": int, "sha256": str}
    found = {key: _of(extras[key], kind, key) for key, kind in kinds.items() if key in extras}
    if "phash" in extras:
        found["phash"] = _hex(extras["phash"])
    if "exhaustive_for" in extras:
        found["exhaustive_for"] = texts(extras["exhaustive_for"], "exhaustive_for")
    origin = _mapping(extras.get("origin", {}), "origin")
    known = {key: _of(origin[key], kind, key) for key, kind in ORIGIN_KEYS.items() if key in origin}
    ignore = extras.get("ignore", [])
    if not isinstance(ignore, list):
        raise ItemError("vedette", "vedette.ignore: is not a list of boxes")
    return {
        **found,
        "origin": Origin(**known),
        "ignore": tuple(box(each) for each in ignore),
        "near": texts(extras.get("near", []), "near"),
        "attributes": scalars(extras.get("attributes", {}), "vedette.attributes"),
    }


def box(value: object) -> Box:
    x, y, width, height = floats(value, 4, "box")
    return (x, y, width, height)


def floats(value: object, count: int, what: str) -> list[float]:
    if not isinstance(value, list) or len(value) != count or not all(type(each) in {int, float} for each in value):
        raise ItemError(what, f"{what} {str(value)[:60]}: is not a list of {count} numbers")
    try:
        return [float(each) for each in value]
    except OverflowError as error:
        raise ItemError(what, f"{what}: has a number that is out of reach") from error


def scalars(value: object, what: str) -> dict[str, Value]:
    return {key: each for key, each in _mapping(value, what).items() if isinstance(each, (str, int, float, bool))}


def texts(value: object, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ItemError("vedette", f"{what}: is not a list of names")
    return tuple(value)


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ItemError("vedette", f"{what}: is not an object")
    return value


def _of(value: object, kind: type, what: str) -> Any:
    if kind is float and type(value) is int:
        return value
    if type(value) is not kind:
        raise ItemError("vedette", f"vedette.{what}: {str(value)[:60]!r} is not {kind.__name__}")
    return value


def _hex(value: object) -> int:
    try:
        return int.from_bytes(base64.b16decode(str(value).encode(), casefold=True), "big") & (1 << 64) - 1
    except ValueError as error:
        raise ItemError("vedette", f"vedette.phash {str(value)[:40]!r}: is not 16 hex digits") from error
