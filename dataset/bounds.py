"""Bounds: what an item must be before anybody builds on it; everything from outside passes here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from contracts.errors import ProtocolError
from dataset.items import Box, Category, Item, Label, Value

LARGEST_PX = 65_535  # a side of a picture
FARTHEST_PX = 1_000_000.0  # a box's corner, from the picture
MOST_LABELS = 10_000  # in one picture
MOST_ATTRIBUTES = 200
MOST_CATEGORIES = 100_000
LONGEST_NAME, LONGEST_FILE, LONGEST_TEXT = 128, 500, 4096  # characters
LARGEST_NUMBER = (1 << 53) - 1  # what JSON readers agree on
# what no format can carry: control characters, halves of characters, and the two XML forbids
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_UNFIT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class ItemError(ProtocolError):
    """One item is not taken; `reason` is the short name it is counted under."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def checked(item: Item) -> Item:
    """The item itself, or ItemError that says what is wrong with it."""
    if not (1 <= item.width <= LARGEST_PX and 1 <= item.height <= LARGEST_PX):
        raise ItemError("size", f"picture of {item.width}x{item.height}; sides are from 1 to {LARGEST_PX} pixels")
    check_file(item.file)
    if not item.id or len(item.id) > LONGEST_FILE or _UNFIT.search(item.id):
        raise ItemError("id", f"id {item.id[:80]!r}: give 1 to {LONGEST_FILE} printable characters")
    if len(item.labels) > MOST_LABELS:
        raise ItemError("labels", f"{len(item.labels)} labels; at most {MOST_LABELS} in one picture")
    _check_number(item.number)
    for index, label in enumerate(item.labels):
        _check_label(label, f"label {index + 1} of {len(item.labels)}")
    for region in item.ignore:
        check_box(region, "ignore region")
    for name in item.exhaustive_for or ():
        check_name(name, "exhaustive_for")
    _check_attributes(item.attributes, "the picture")
    _check_unit(item.origin.probability, "sampling probability")
    return item


def _check_label(label: Label, where: str) -> None:
    check_box(label.box, where)
    check_name(label.category, where)
    _check_unit(label.confidence, where)
    _check_number(label.number)
    _check_number(label.track)
    if label.point is not None and not all(math.isfinite(v) and abs(v) <= FARTHEST_PX for v in label.point):
        raise ItemError("point", f"{where}: point {label.point} is not in reach of a picture; correct or remove it")
    if label.attributes:
        _check_attributes(label.attributes, where)


def check_box(box: Box, where: str) -> None:
    x, y, width, height = box
    if not all(map(math.isfinite, box)):
        raise ItemError("box", f"{where}: box {list(box)} has a value that is not a number; correct or remove it")
    if width <= 0 or height <= 0:
        raise ItemError("box", f"{where}: box {list(box)} is {width:g} wide and {height:g} high; both must be above 0")
    if max(abs(x), abs(y), width, height) > FARTHEST_PX:
        raise ItemError("box", f"{where}: box {list(box)} is out of all pictures; are these pixels?")


def check_name(name: str, where: str) -> None:
    """A class or attribute name: one line of text that every format can carry."""
    if not name or len(name) > LONGEST_NAME or name != name.strip() or _UNFIT.search(name):
        raise ItemError("name", f"{where}: name {name[:80]!r}: give 1 to {LONGEST_NAME} printable characters without blanks at the ends")


def check_file(file: str) -> None:
    """A relative name with /, that leads nowhere else."""
    parts = file.split("/")
    if not file or len(file) > LONGEST_FILE or _UNFIT.search(file) or file != file.strip():
        raise ItemError("file name", f"file name {file[:80]!r}: give 1 to {LONGEST_FILE} printable characters")
    if "\\" in file or file.startswith("/") or {"", ".", ".."} & set(parts) or max(map(len, parts)) > 200:
        raise ItemError(
            "file name", f"file name {file[:80]!r}: is not a plain relative path with /; name a file below the data set's folder"
        )


def check_categories(categories: list[Category]) -> list[Category]:
    names, numbers = {each.name for each in categories}, {each.number for each in categories}
    if len(categories) > MOST_CATEGORIES:
        raise ItemError("categories", f"{len(categories)} classes; at most {MOST_CATEGORIES}")
    for each in categories:
        check_name(each.name, f"class {each.number}")
    if len(names) < len(categories) or len(numbers) < len(categories):
        raise ItemError("categories", "a class's name or number is there twice; give each its own")
    return categories


def _check_number(number: int | None) -> None:
    if number is not None and not 0 <= number <= LARGEST_NUMBER:
        raise ItemError("number", f"number {str(number)[:40]}: give 0 to {LARGEST_NUMBER}")


def _check_unit(value: float | None, where: str) -> None:
    if value is not None and not 0 <= value <= 1:
        raise ItemError("confidence", f"{where}: {value} is not from 0 to 1")


def _check_attributes(attributes: Mapping[str, Value], where: str) -> None:
    if len(attributes) > MOST_ATTRIBUTES:
        raise ItemError("attributes", f"{where}: {len(attributes)} attributes; at most {MOST_ATTRIBUTES}")
    for name, value in attributes.items():
        check_name(name, f"{where}, attribute")
        if isinstance(value, str) and (len(value) > LONGEST_TEXT or _UNFIT_TEXT.search(value)):
            raise ItemError("attributes", f"{where}, attribute {name}: is too long or has characters that cannot be written")
        if isinstance(value, float) and not math.isfinite(value):
            raise ItemError("attributes", f"{where}, attribute {name}: {value} is not a number")
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise ItemError("attributes", f"{where}, attribute {name}: {str(value)[:40]} is out of reach")
