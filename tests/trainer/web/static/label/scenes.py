"""Data sets to label: streets that are drawn, with what a model saw in them, right and wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dataset.about import About
from dataset.exporter import Exporter
from dataset.marks import Mark, box

START = datetime(2026, 11, 22, 3, 36, 26, tzinfo=timezone.utc)
CLASSES = ("person", "car", "bicycle")
REASONS = ("low_confidence", "track_gap", "refused_transition", "uniform")
Picture = np.ndarray[Any, np.dtype[np.uint8]]
Place = tuple[float, float, float, float]


@dataclass(frozen=True)
class Scene:
    image: Picture
    marks: Sequence[Mark]
    reason: str = "low_confidence"
    camera: str = "yard"
    second: int = 0


def street(number: int, width: int = 640, height: int = 400) -> Scene:
    """Two people and a car, elsewhere in each; the model found one person and the car, the car with a box that is off."""
    chance = np.random.default_rng(number)
    image = np.full((height, width, 3), (96, 104, 98), np.uint8)
    image[: height // 2] = (150, 140, 128)
    blocks = chance.integers(40, 220, (6, 8, 3), np.uint8)  # walls by which no picture is like another
    image[: height // 2] = cv2.resize(blocks, (width, height // 2), interpolation=cv2.INTER_NEAREST) // 3 + 80
    scale = width / 640
    people = [(float(chance.integers(40, 180)), 200.0, 42.0, 110.0), (float(chance.integers(220, 330)), 190.0, 40.0, 104.0)]
    car = (float(chance.integers(400, 440)), 220.0, 170.0, 82.0)
    for x, y, w, h in people:
        draw(image, (x, y, w, h), (60, 60, int(chance.integers(120, 240))), scale)
    draw(image, car, (int(chance.integers(120, 240)), 80, 60), scale)
    machine = [box("person", scaled(people[0], scale), 0.62), box("car", scaled((car[0] + 18, car[1] - 12, car[2], car[3]), scale), 0.48)]
    return Scene(image, machine, REASONS[number % len(REASONS)], ("yard", "gate")[number % 2], number * 60)


def scaled(place: Place, scale: float) -> Place:
    x, y, w, h = (value * scale for value in place)
    return x, y, w, h


def draw(image: Picture, place: Place, colour: tuple[int, int, int], scale: float) -> None:
    x, y, w, h = (round(value * scale) for value in place)
    cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
    cv2.rectangle(image, (x, y), (x + w, y + h), (30, 30, 30), max(1, round(scale)))


def large(number: int, width: int = 4000, height: int = 3000, count: int = 500) -> Scene:
    """A picture of the size of a camera for surveys, with many boxes in it."""
    chance = np.random.default_rng(number)
    image = cv2.resize(chance.integers(0, 255, (30, 40, 3), np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    marks = []
    for n in range(count):
        x, y = (n % 25) * width / 25 + 10, (n // 25) * height / 20 + 10
        marks.append(box(CLASSES[n % 3], (x, y, 100 + n % 30, 90 + n % 40), 0.3 + (n % 60) / 100))
    return Scene(np.ascontiguousarray(image).astype(np.uint8), marks)


def keep(folder: Path, scenes: Sequence[Scene], session: str = "s1") -> None:
    """As a box keeps them."""
    with Exporter(folder) as exporter:
        for scene in scenes:
            facts = {
                "timestamp": START + timedelta(seconds=scene.second), "source": scene.camera, "reason": scene.reason, "success": True,
                "sampling_probability": 0.5, "session": session, "pts_ns": scene.second * 10**9, "model": "sha256:" + "a" * 64,
            }  # fmt: skip
            exporter.add(scene.image, list(scene.marks), About(**facts))
