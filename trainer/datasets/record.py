"""The canonical record of an item: equal where what is learnt of it is equal, whatever machine, folder or format it was read from.

docs/design/ingest.md defines it; a change of it is a new `v` and another root for every data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.canonical import canonical
from dataset.items import Box, Item, Label

VERSION = 1
PARTS = 100  # of a pixel: as finely as every format writes boxes
FLAGS = ("verified", "crowd", "difficult", "truncated", "occluded")


def content(item: Item, picture: str) -> bytes:
    """What is learnt: the picture's file by its SHA-256, and what is said of it. No names, numbers, places or splits."""
    return canonical(
        {
            "v": VERSION,
            "picture": picture,
            "size": [item.width, item.height],
            "labels": _sorted([_label(each) for each in item.labels]),
            "ignore": sorted(_box(each) for each in item.ignore),
            "exhaustive_for": None if item.exhaustive_for is None else sorted(set(item.exhaustive_for)),
        }
    )


def lineage(item: Item, leaf: bytes) -> bytes:
    """Where the item of that leaf comes from, and why it was kept."""
    origin = item.origin
    return canonical(
        {
            "v": VERSION,
            "leaf": leaf.hex(),
            "device": origin.device,
            "session": origin.session,
            "sequence": item.sequence,
            "camera": origin.camera,
            "event": origin.event,
            "source": origin.source,
            "wall_us": None if origin.wall_ns is None else origin.wall_ns // 1000,
            "reason": origin.reason,
            "probability": origin.probability,
        }
    )


def _label(label: Label) -> dict[str, Any]:
    """What is not said is not there."""
    said: dict[str, Any] = {"category": label.category, "box": _box(label.box)}
    said |= {name: True for name in FLAGS if getattr(label, name)}
    if label.confidence is not None:
        said["confidence"] = float(label.confidence)
    if label.source:
        said["source"] = label.source
    if label.point is not None:
        said["point"] = _parts(label.point)
    if label.track is not None:
        said["track"] = label.track
    if label.attributes:
        said["attributes"] = dict(label.attributes)
    return said


def _box(box: Box) -> list[int]:
    return _parts(box)


def _parts(values: Sequence[float]) -> list[int]:
    return [round(value * PARTS) for value in values]


def _sorted(labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Their order says nothing."""
    return sorted(labels, key=canonical) if len(labels) > 1 else labels
