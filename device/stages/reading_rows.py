"""Reading rows: the part of a picture that is read, and what was read as rows and columns of the scene."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.stages.reading_rules import Area, Rule
from vision.rows import with_rows
from vision.text.charset import Allowed
from vision.text.reader import TextLine
from vision.types import Detections, Image, Scene

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """A text and where it stands, in pixels of the picture."""

    box: Box
    text: str
    confidence: float
    fields: Mapping[str, str] | None


def grown(box: Sequence[float], margin: float) -> Box:
    x1, y1, x2, y2 = box
    more = (y2 - y1) * margin
    return x1 - more, y1 - more, x2 + more, y2 + more


def area_in(area: Area, around: Box, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The pixels of a part of a box: whole ones, inside the picture; None when there are none, or the box is no box."""
    if not all(map(math.isfinite, around)):
        return None
    left, top, across, down = around[0], around[1], around[2] - around[0], around[3] - around[1]
    x1, y1, x2, y2 = (left + area[0] * across, top + area[1] * down, left + area[2] * across, top + area[3] * down)
    x1, y1, x2, y2 = max(0, _floor(x1)), max(0, _floor(y1)), min(width, _ceil(x2)), min(height, _ceil(y2))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _floor(value: float) -> int:
    """0.7 * 10 is 7, not 6.999..."""
    return math.floor(value + 1e-6)


def _ceil(value: float) -> int:
    return math.ceil(value - 1e-6)


def key_of(crop: Image, rule: Rule, allowed: Allowed | None) -> bytes:
    """All that decides what is read in a crop: every pixel of it, and how it is read."""
    mode = "line" if rule.mode == "line" else f"lines {rule.min_confidence!r}"
    said = hashlib.sha256(f"{mode} {crop.shape}".encode())
    said.update(b"" if allowed is None else hashlib.sha256(allowed.tobytes()).digest())
    said.update(np.ascontiguousarray(crop).data)
    return said.digest()


def joined(lines: Sequence[TextLine]) -> tuple[str, float]:
    """The lines as one text; each character counts as much for the confidence."""
    letters = [len(line.text) for line in lines]
    return "\n".join(line.text for line in lines), float(np.average([line.confidence for line in lines], weights=letters))


def with_text(found: Detections, rows: Sequence[Row | None]) -> Detections:
    """The three columns, one entry a box."""
    return found.with_data(**_columns(rows))


def with_added(scene: Scene, added: Sequence[tuple[str, Row]]) -> Scene:
    """Rows of their own, as certain as their text."""
    if not added:
        return scene
    rows = [row for _, row in added]
    confidence = np.array([row.confidence for row in rows], np.float32)
    return with_rows(scene, [name for name, _ in added], np.array([row.box for row in rows], np.float32), confidence, _columns(rows))


def _columns(rows: Sequence[Row | None]) -> dict[str, NDArray[np.object_] | NDArray[np.float32]]:
    text, fields = np.empty(len(rows), object), np.empty(len(rows), object)
    confidence = np.full(len(rows), np.nan, np.float32)
    for number, row in enumerate(rows):
        if row is not None:
            text[number], confidence[number], fields[number] = row.text, row.confidence, row.fields
    return {"text": text, "text_confidence": confidence, "fields": fields}
