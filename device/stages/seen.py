"""Seen: what of a scene counts as a sighting of which thing, by label and by the texts of its key fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from device.stages.moment import Box, When, when_of
from vision.types import Detections, Scene

MOST_TEXT = 4000  # characters of a text that go into an event


@dataclass(frozen=True, slots=True)
class Criteria:
    """What counts for one label under one rule."""

    rule: str
    label: str
    kind: str
    samples: int
    max_misses: int
    gap_ms: int
    min_confidence: float
    key: tuple[str, ...]
    fields: tuple[str, ...] | None


class Thing(NamedTuple):
    """What an event is about: two things are told apart by label, rule and the texts of the key."""

    criteria: Criteria
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """One box in one sample, and what was read in it."""

    when: When  # not the frame: its picture would be held as long as the event is open
    box: Box
    confidence: float
    fields: dict[str, str]
    weight: float  # of the texts


def seen_in(scene: Scene, criteria: Sequence[Criteria]) -> tuple[dict[Thing, Seen], set[Criteria]]:
    """The best box of each thing, in the order of the rules; and of whom there is a box with a key that could not be read."""
    found: dict[Thing, Seen] = {}
    unread: set[Criteria] = set()
    for each in criteria:
        mine: dict[Thing, Seen] = {}
        for row in _rows(scene, each):
            sighting = _sighting(scene, row)
            key = tuple(sighting.fields.get(name, "") for name in each.key)
            if not all(key):
                unread.add(each)
            elif Thing(each, key) not in mine:
                mine[Thing(each, key)] = sighting
        found.update(sorted(mine.items(), key=lambda item: item[0].key))
    return found, unread


def _rows(scene: Scene, criteria: Criteria) -> list[int]:
    """Rows of that label, the most confident first; of equal ones by place, so that the order of a detector's boxes does not matter."""
    found = scene.detections
    number = scene.labels.index(criteria.label) if criteria.label in scene.labels else -1
    mask: NDArray[np.bool_] = (found.class_id == number) & (found.confidence >= criteria.min_confidence) & (number >= 0)
    rows = np.flatnonzero(mask)
    order = np.lexsort((*found.xyxy[rows].T[::-1], -found.confidence[rows]))
    return [int(row) for row in rows[order]]


def _sighting(scene: Scene, row: int) -> Seen:
    found = scene.detections
    x1, y1, x2, y2 = (round(float(v), 2) for v in found.xyxy[row])
    confidence = min(1.0, max(0.0, round(float(found.confidence[row]), 4)))
    fields = _fields(found, row)
    return Seen(when_of(scene), (x1, y1, x2, y2), confidence, fields, _weight(found, row, confidence))


def _fields(found: Detections, row: int) -> dict[str, str]:
    """What was read, and what was made of it; a page full of text would make a message too large for a broker."""
    text = found.data["text"][row] if "text" in found.data else None
    fields = found.data["fields"][row] if "fields" in found.data else None
    whole = {"text": str(text)[:MOST_TEXT]} if text else {}
    return {**whole, **{str(name): str(value)[:MOST_TEXT] for name, value in (fields or {}).items() if value is not None and str(value)}}


def _weight(found: Detections, row: int, confidence: float) -> float:
    sure = float(found.data["text_confidence"][row]) if "text_confidence" in found.data else float("nan")
    return sure if np.isfinite(sure) and sure > 0 else confidence
