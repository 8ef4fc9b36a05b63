"""Comparing Detections with the boxes of a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contracts import bundle
from tests.vision.reference import Box
from vision.heads.head import Head, open_head
from vision.types import Detections


def head(kind: str, floors: Sequence[float], iou: float = 0.5, **options: Any) -> Head:
    return open_head(bundle.Head(kind=kind, options=options), np.array(floors, np.float32), iou)


def assert_same(found: Detections, expected: Sequence[Box], pixels: float = 1e-2) -> None:
    """Same boxes, best first; boxes of equal confidence may stand in any order."""
    ours = sorted(((*map(float, b), float(c), int(k)) for b, c, k in columns(found)), key=_order)
    theirs = sorted(expected, key=_order)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one[5] == other[5]
        assert abs(one[4] - other[4]) <= 1e-5
        assert max(abs(a - b) for a, b in zip(one[:4], other[:4], strict=True)) <= pixels
    assert (np.diff(found.confidence) <= 0).all()


def columns(found: Detections) -> Any:
    return zip(found.xyxy, found.confidence, found.class_id, strict=True)


def _order(box: Sequence[float]) -> tuple[float, ...]:
    return (box[5], *(round(side, 1) for side in box[:4]))


