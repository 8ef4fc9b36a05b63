"""Pictures and words for data sets of tests: every number gives a picture of its own."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from dataset.about import About
from dataset.exporter import Exporter
from dataset.marks import Mark, box
from vision.types import Image

WHEN = datetime(2026, 11, 22, 3, 36, 26, 123456, tzinfo=timezone.utc)


def view(number: int, width: int = 64, height: int = 48) -> Image:
    """Smooth noise: pictures of different numbers look different to the perceptual hash too."""
    coarse = np.random.default_rng(number).integers(0, 255, (6, 8, 3), np.uint8)
    return np.ascontiguousarray(np.kron(coarse, np.ones((height // 6, width // 8, 1), np.uint8)))


def about(number: int = 0, **more: Any) -> About:
    told = {"timestamp": WHEN + timedelta(seconds=number), "source": "yard", "session": "one", "pts_ns": number * 1_000_000_000}
    return About(**{**told, **more})


def seen(category: str = "person", confidence: float = 0.9) -> Mark:
    return box(category, (4, 6, 20, 30), confidence)


def fill(exporter: Exporter, numbers: range) -> list[str]:
    return [exporter.add(view(number), [seen()], about(number)).image_id for number in numbers]


def lines(root: Path) -> list[dict[str, Any]]:
    """The manifest as anybody would read it."""
    return [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]


def told(root: Path, image_id: str) -> dict[str, Any]:
    return dict(json.loads((root / "annotations" / f"{image_id}.json").read_text()))
