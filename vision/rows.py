"""Rows: boxes that a stage finds beside those of the detector, put under them in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.types import Detections, Scene

# what a row has in a column that its finder does not fill, by the column's kind of value
EMPTY: Mapping[str, Any] = {"f": np.nan, "i": -1, "u": 0, "b": False, "O": None}


def with_rows(
    scene: Scene,
    labels: Sequence[str],
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    columns: Mapping[str, NDArray[Any]] | None = None,
) -> Scene:
    """The scene with one more row a label given. `labels` are words: those that the scene has keep their class number, new ones
    follow behind. xyxy: (N, 4) pixels of the frame; confidence: (N,); columns: further ones of length N. A column that only the
    rows there have, or only the new ones, is filled with NaN, -1, False or None. A scene without an answer stays without one.
    """
    known = {name: number for number, name in enumerate(scene.labels)}
    for label in labels:
        known.setdefault(label, len(known))
    old = scene.detections
    new = Detections(
        xyxy.astype(np.float32), confidence.astype(np.float32), np.array([known[label] for label in labels], np.int32), columns or {}
    )
    joined = Detections(
        np.concatenate([old.xyxy, new.xyxy]),
        np.concatenate([old.confidence, new.confidence]),
        np.concatenate([old.class_id, new.class_id]),
        {name: np.concatenate([_column(old, name, new), _column(new, name, old)]) for name in dict.fromkeys((*old.data, *new.data))},
        old.status,
    )
    return replace(scene, detections=joined, labels=tuple(known))


def _column(of: Detections, name: str, other: Detections) -> NDArray[Any]:
    """The column, or one like the other's with nothing in it."""
    if name in of.data:
        return of.data[name]
    like = other.data[name]
    return np.full((len(of), *like.shape[1:]), EMPTY.get(like.dtype.kind), like.dtype)
