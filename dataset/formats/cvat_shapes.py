"""CVAT's shapes as labels: boxes are taken as they are, outlines by the box around them, single points as clicks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from contracts.dataset import CLICK_PX
from dataset.bounds import ItemError, check_name
from dataset.formats.cvat_meta import read_attributes
from dataset.formats.elements import number_of
from dataset.formats.extras import read_extras
from dataset.holds import clipped
from dataset.items import Box, Label

OUTLINES = ("polygon", "polyline", "cuboid", "points")
Note = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Shape:
    """A label and the group that ties a click to its box; `click`: it is nothing but a point."""

    label: Label
    group: str = ""
    click: bool = False


def read_shape(element: Element, note: Note, category: str = "") -> Shape | None:
    """None for what is no shape, which is noted."""
    name = category or element.get("label", "")
    if element.tag in {"tag", "skeleton", "attribute"}:
        if element.tag != "attribute":
            note(element.tag, f"a {element.tag} {name[:40]!r} is left out; Vedette keeps boxes")
        return None
    check_name(name, f"<{element.tag}>")
    box = _box(element, note)
    if box is None:
        raise ItemError("shape", f"<{element.tag[:40]}>: is no shape that has a box; remove it or draw a box")
    attributes = read_attributes(element)
    extras = read_extras(attributes)
    source = element.get("source", "")
    found = {"source": source, "occluded": element.get("occluded") == "1", **extras}
    group = element.get("group_id") or ""
    label = Label(box, name, attributes=attributes, **found)
    if element.tag == "points" and len(_points(element)) == 1:
        return Shape(replace(label, point=_points(element)[0]), group, click=True)
    return Shape(label, group)


def _box(element: Element, note: Note) -> Box | None:
    if element.tag in {"box", "mask", "ellipse"}:
        return _sides(element, note)
    if element.tag not in OUTLINES:
        return None
    points = _cuboid(element) if element.tag == "cuboid" else _points(element)
    if element.tag == "points" and len(points) == 1:
        (x, y), half = points[0], CLICK_PX / 2
        return (x - half, y - half, float(CLICK_PX), float(CLICK_PX))
    note(element.tag, f"a {element.tag} is left out; the box around it is kept")
    return _around(points)


def _sides(element: Element, note: Note) -> Box:
    def value(name: str) -> float:
        return number_of(element.get(name), f"<{element.tag}> {name}")

    if element.tag == "mask":
        note("mask", "a mask is left out; the box around it is kept")
        return (value("left"), value("top"), value("width"), value("height"))
    if element.tag == "ellipse":
        note("ellipse", "an ellipse is left out; the box around it is kept")
        return (value("cx") - value("rx"), value("cy") - value("ry"), 2 * value("rx"), 2 * value("ry"))
    left, top = value("xtl"), value("ytl")
    box = (left, top, value("xbr") - left, value("ybr") - top)
    turned = number_of(element.get("rotation", "0"), "rotation")
    if turned:
        note("rotation", "a turned box is kept as the upright box around it")
        return _turned(box, turned)
    return box


def _turned(box: Box, degrees: float) -> Box:
    x, y, width, height = box
    angle = math.radians(degrees)
    wide = abs(width * math.cos(angle)) + abs(height * math.sin(angle))
    high = abs(width * math.sin(angle)) + abs(height * math.cos(angle))
    return (x + width / 2 - wide / 2, y + height / 2 - high / 2, wide, high)


def _cuboid(element: Element) -> list[tuple[float, float]]:
    corners = [f"{a}{b}{c}" for a in "xy" for b in ("tl", "bl", "tr", "br") for c in "12"]
    values = {name: number_of(element.get(f"{name[0]}{name[1:]}"), name) for name in corners if element.get(name) is not None}
    xs, ys = [v for name, v in values.items() if name[0] == "x"], [v for name, v in values.items() if name[0] == "y"]
    return list(zip(xs, ys, strict=True)) if xs and len(xs) == len(ys) else []


def _points(element: Element) -> list[tuple[float, float]]:
    found = []
    for pair in element.get("points", "").split(";"):
        x, comma, y = pair.partition(",")
        if comma:
            found.append((number_of(x, "points"), number_of(y, "points")))
    return found


def _around(points: Sequence[tuple[float, float]]) -> Box | None:
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def joined(shapes: Sequence[Shape], width: int, height: int) -> tuple[Label, ...]:
    """Clicks go to the box of their group and class; one that stands alone gets the box a click gives, cut at the edge."""
    labels = [shape.label for shape in shapes if not shape.click]
    places = {(shape.group, shape.label.category): n for n, shape in enumerate(shape for shape in shapes if not shape.click) if shape.group}
    for shape in shapes:
        place = places.get((shape.group, shape.label.category)) if shape.click and shape.group else None
        if place is not None and labels[place].point is None:
            labels[place] = replace(labels[place], point=shape.label.point)
        elif shape.click:
            box = clipped(shape.label.box, width, height)
            if box is None:
                raise ItemError("point", f"a click at {shape.label.point} is outside of the picture")
            labels.append(replace(shape.label, box=box, source=shape.label.source or "click", verified=True))
    return tuple(labels)
