"""What formats can hold: every feature of an item by name, how often an item has it, and what is left of the item without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dataset.items import Box, Item, Label, Origin, Value

Strip = Callable[[Item], Item]


@dataclass(frozen=True, slots=True)
class Feature:
    """`words` for people; `strip` gives the item as a format without it gives it back."""

    words: str
    strip: Strip


def _plain(**fields: Any) -> Strip:
    def strip(item: Item) -> Item:
        return replace(item, **fields)

    return strip


def _labels(**fields: Any) -> Strip:
    def strip(item: Item) -> Item:
        return replace(item, labels=tuple(replace(label, **fields) for label in item.labels))

    return strip


def clipped(box: Box, width: int, height: int) -> Box | None:
    """The part of a box inside the picture; None: there is none."""
    x, y, w, h = box
    left, top, right, bottom = max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height))
    if left == x and top == y and right == x + w and bottom == y + h:
        return box
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def _cut(item: Item) -> Item:
    pairs = ((label, clipped(label.box, item.width, item.height)) for label in item.labels)
    return replace(item, labels=tuple(label if box is label.box else replace(label, box=box) for label, box in pairs if box))


def as_text(value: Value) -> str:
    """`true`, `0.5`, `words`: how formats that know only text write a value."""
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def _texts(item: Item) -> Item:
    written = ({name: as_text(value) for name, value in label.attributes.items()} for label in item.labels)
    return replace(item, labels=tuple(replace(label, attributes=each) for label, each in zip(item.labels, written, strict=True)))


def _unnumbered(item: Item) -> Item:
    return _labels(number=None)(replace(item, number=None))


def _named_by_file(item: Item) -> Item:
    return replace(item, id=item.file)


FEATURES: Mapping[str, Feature] = {
    "beyond": Feature("boxes beyond the picture's edge, uncut", _cut),
    "id": Feature("the picture's own id; else it is its file name", _named_by_file),
    "numbers": Feature("integer ids of pictures and labels", _unnumbered),
    "split": Feature("train, val, test", _plain(split="")),
    "confidence": Feature("confidence of a label", _labels(confidence=None)),
    "source": Feature("who said so: detector, person, click", _labels(source="")),
    "verified": Feature("whether a person said so", _labels(verified=False)),
    "point": Feature("the point that was clicked", _labels(point=None)),
    "track": Feature("the track's number", _labels(track=None)),
    "crowd": Feature("a box around many", _labels(crowd=False)),
    "difficult": Feature("difficult", _labels(difficult=False)),
    "truncated": Feature("truncated", _labels(truncated=False)),
    "occluded": Feature("occluded", _labels(occluded=False)),
    "observation": Feature("the observation a label came from", _labels(observation="")),
    "attributes": Feature("attributes of a label", _labels(attributes={})),
    "types": Feature("number, yes/no or text, of an attribute's value; else all is text", _texts),
    "ignore": Feature("regions of which nothing is known", _plain(ignore=())),
    "exhaustive": Feature("classes of which everything was labelled", _plain(exhaustive_for=None)),
    "picture attributes": Feature("attributes of a picture", _plain(attributes={})),
    "frame": Feature("video and frame number", _plain(sequence="", frame=None)),
    "origin": Feature("camera, session, time, why it was kept and with what probability", _plain(origin=Origin())),
    "hashes": Feature("hashes of the picture and links to near-duplicates", _plain(sha256="", phash=None, near=())),
}


def held(item: Item, holds: Iterable[str]) -> Item:
    """What comes back of an item from a format that holds only these features."""
    kept = frozenset(holds)
    for name, feature in FEATURES.items():
        if name not in kept:
            item = feature.strip(item)
    return item


def features_of(item: Item) -> set[str]:
    """Features the item has, which a format that does not hold them loses. (An id or number of a format's own making is not missed.)"""
    found = {name for name, value in _of_item(item) if value}
    for label in item.labels:
        found |= {name for name in LABEL_FLAGS if getattr(label, name)}
        found |= {name for name in ("confidence", "point", "track") if getattr(label, name) is not None}
        if label.attributes and any(not isinstance(value, str) for value in label.attributes.values()):
            found.add("types")
        if "beyond" not in found and clipped(label.box, item.width, item.height) is not label.box:
            found.add("beyond")
    return found


LABEL_FLAGS = ("source", "verified", "crowd", "difficult", "truncated", "occluded", "observation", "attributes")


def _of_item(item: Item) -> tuple[tuple[str, bool], ...]:
    return (
        ("split", bool(item.split)),
        ("ignore", bool(item.ignore)),
        ("exhaustive", item.exhaustive_for is not None),
        ("picture attributes", bool(item.attributes)),
        ("frame", bool(item.sequence) or item.frame is not None),
        ("origin", item.origin != Origin()),
        ("hashes", bool(item.sha256 or item.near) or item.phash is not None),
    )


def boxes_of(item: Item, notes: Callable[[str], None]) -> list[tuple[Label, Box]]:
    """Labels with their boxes cut at the picture's edge, for formats that demand it; each cut or dropped one is told."""
    result = []
    for label in item.labels:
        box = clipped(label.box, item.width, item.height)
        if box is None:
            notes("label outside of the picture dropped")
        else:
            if box is not label.box:
                notes("box cut at the edge")
            result.append((label, box))
    return result
