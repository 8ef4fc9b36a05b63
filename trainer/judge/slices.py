"""Slices: parts of a ground that are judged by themselves, by box, camera and hour."""

from __future__ import annotations

from datetime import timedelta

from contracts.wire import utc_from_ns
from dataset.items import Item
from trainer.judge.ground import Ground

UNKNOWN = "unknown"
PICTURES = ("device", "camera", "hour")  # each picture is in one slice of each
OBJECTS = ("size",)  # each thing is
HOURS = 6  # of one slice


def slices_of(item: Item, utc_offset_h: float = 0.0) -> dict[str, str]:
    origin = item.origin
    return {"device": origin.device or UNKNOWN, "camera": origin.camera or UNKNOWN, "hour": _hour(origin.wall_ns, utc_offset_h)}


def _hour(wall_ns: int | None, utc_offset_h: float) -> str:
    """`06-12`: where the boxes stand, if all stand in one zone; UTC plus an offset that the caller knows."""
    if wall_ns is None:
        return UNKNOWN
    first = (utc_from_ns(wall_ns) + timedelta(hours=utc_offset_h)).hour // HOURS * HOURS
    return f"{first:02}-{first + HOURS:02}"


def values(ground: Ground, name: str) -> tuple[str, ...]:
    return tuple(sorted({case.slices.get(name, UNKNOWN) for case in ground.cases}))


def within(ground: Ground, value: str, name: str) -> Ground:
    return Ground(ground.classes, tuple(case for case in ground.cases if case.slices.get(name, UNKNOWN) == value))
