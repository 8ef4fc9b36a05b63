"""Marks: what is said of a picture before it has numbers: boxes of a machine, clicks and drawn boxes of a person."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from contracts.dataset import CLICK_PX, Annotation, Bbox, Region
from dataset.bounds import check_name
from dataset.classes import Classes


@dataclass(frozen=True, slots=True)
class Mark:
    """A box (x, y, width, height in pixels of the picture) of a class by name. `box`, `click` and `drawn` make one."""

    category: str
    bbox: Bbox
    confidence: float = 1.0
    source: str = "detection"
    verified: bool = False
    point: tuple[float, float] | None = None
    track: int | None = None
    attributes: Mapping[str, JsonValue] = field(default_factory=dict)


def box(category: str, bbox: Bbox, confidence: float, source: str = "detection", **more: JsonValue) -> Mark:
    """What a machine saw: `source` is detection or template_match; nobody has verified it."""
    return Mark(category, bbox, confidence, source, attributes=more)


def click(category: str, x: float, y: float) -> Mark:
    """What a person clicked on. The box is made when the picture's size is known: 50x50 around the point, cut at the edge."""
    half = CLICK_PX / 2
    return Mark(category, (x - half, y - half, CLICK_PX, CLICK_PX), 1.0, "click", verified=True, point=(x, y))


def drawn(category: str, bbox: Bbox, **more: JsonValue) -> Mark:
    """What a person drew; kept as it is, but for what is outside of the picture."""
    return Mark(category, bbox, 1.0, "box", verified=True, attributes=more)


def numbered(marks: Sequence[Mark], width: int, height: int, classes: Classes) -> list[Annotation]:
    """With numbers, cut at the picture's edge; ValueError for a mark that is nowhere in the picture or is no box at all."""
    return [_numbered(mark, width, height, classes) for mark in marks]


def _numbered(mark: Mark, width: int, height: int, classes: Classes) -> Annotation:
    bbox = cut(mark.bbox, width, height)
    if bbox is None:
        raise ValueError(
            f"{mark.category}: box {mark.bbox} is not in a picture of {width}x{height}; boxes are x, y, width, height in pixels"
        )
    check_name(mark.category, "class")
    return Annotation(
        bbox=bbox,
        category_id=classes.number(mark.category),
        category_name=mark.category,
        confidence=round(mark.confidence, 4),
        source=mark.source,
        verified=mark.verified,
        point=mark.point,
        track=mark.track,
        attributes=dict(mark.attributes),
    )


def region(bbox: Bbox, width: int, height: int, reason: str, polygon: Sequence[tuple[float, float]] = ()) -> Region | None:
    """A region to be ignored; None: nothing of it is in the picture."""
    inside = cut(bbox, width, height)
    return Region(bbox=inside, polygon=list(polygon), reason=reason) if inside else None


def cut(bbox: Bbox, width: int, height: int) -> Bbox | None:
    """What of a box is in the picture, to a hundredth of a pixel; None: nothing."""
    x, y, w, h = bbox
    if not all(map(math.isfinite, bbox)):
        return None
    left, top = round(max(0.0, x), 2), round(max(0.0, y), 2)
    right, bottom = round(min(float(width), x + w), 2), round(min(float(height), y + h), 2)
    if right <= left or bottom <= top:
        return None
    return left, top, round(right - left, 2), round(bottom - top, 2)
