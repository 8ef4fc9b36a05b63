"""Field: how good a model was before the camera: what the box said of each picture it kept, against what was there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios.loop.film import Film

OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Field:
    pictures: int
    there: int
    right: int
    wrong: int

    @property
    def recall(self) -> float:
        return self.right / max(1, self.there)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)


def field(manifest: Path, films: Mapping[str, Film]) -> Field:
    """Of the records that a machine made."""
    pictures = there = right = wrong = 0
    for line in manifest.read_text().splitlines():
        record = json.loads(line)
        if record["source"] not in films:
            continue
        truth = list(films[record["source"]].truth[record["pts_ns"] // 1_000_000])
        pictures, there = pictures + 1, there + len(truth)
        for label in sorted(record.get("labels", []), key=lambda each: -each["confidence"]):
            found = next((t for t in truth if t[0] == label["category_name"] and iou(t[1], label["bbox"]) >= OVERLAP), None)
            if found is not None:
                truth.remove(found)
            right, wrong = right + (found is not None), wrong + (found is None)
    return Field(pictures, there, right, wrong)


def iou(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    return common / (a[2] * a[3] + b[2] * b[3] - common)
