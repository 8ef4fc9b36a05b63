"""A trainer's home with data sets as boxes make them: small pictures of which each is unlike the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from dataset.about import About
from dataset.exporter import Exporter
from dataset.marks import Mark, box
from trainer.home import Home
from trainer.review.desk import Desk
from trainer.review.filling import Filled, fill
from trainer.review.listing import Wanted, listed
from trainer.store.database import Database

START = datetime(2026, 11, 22, 3, 36, 26, tzinfo=timezone.utc)
WIDTH, HEIGHT = 64, 48


class Ticking:
    """A clock that a second passes on whenever it is asked."""

    def __init__(self) -> None:
        self.now_ns = 1_796_000_000_000_000_000

    def wall_ns(self) -> int:
        self.now_ns += 1_000_000_000
        return self.now_ns

    def mono_ns(self) -> int:
        return self.now_ns


@dataclass(frozen=True)
class Shot:
    """A picture as a box keeps it."""

    number: int
    marks: Sequence[Mark] = (box("person", (10, 10, 20, 20), 0.5),)
    reason: str = "low_confidence"
    probability: float = 0.5
    more: dict[str, Any] = field(default_factory=dict)


def picture(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Of a number its own, and far from those of all others."""
    small = np.random.default_rng(number).integers(0, 255, (8, 8, 3), np.uint8)
    return np.kron(small, np.ones((HEIGHT // 8, WIDTH // 8, 1), np.uint8))


def about(shot: Shot) -> About:
    facts = {
        "timestamp": START + timedelta(seconds=shot.number), "source": "yard", "reason": shot.reason, "success": True,
        "sampling_probability": shot.probability, "session": f"s{shot.number % 4}", "pts_ns": shot.number * 10**9,
        "model": "sha256:" + "a" * 64,
    }  # fmt: skip
    return About(**{**facts, **shot.more})


def add(folder: Path, shots: Sequence[Shot]) -> list[str]:
    """The images' ids."""
    with Exporter(folder) as exporter:
        return [exporter.add(picture(shot.number), list(shot.marks), about(shot)).image_id for shot in shots]


@dataclass(frozen=True)
class Place:
    home: Home
    database: Database
    clock: Ticking
    desk: Desk

    @property
    def sets(self) -> Path:
        return self.home.sets

    def fill(self, **more: Any) -> Filled:
        return fill(self.database, self.sets, self.clock, **more)

    def items(self, **wanted: Any) -> list[dict[str, Any]]:
        return list(listed(self.database, Wanted(**wanted))["items"])

    def ids(self, **wanted: Any) -> list[str]:
        return [item["id"] for item in self.items(**wanted)]


@contextmanager
def place(folder: Path, url: str | None = None) -> Iterator[Place]:
    home, clock = Home(folder), Ticking()
    database = Database(url or str(home.path / "store.sqlite"))
    try:
        yield Place(home, database, clock, Desk(database, home.sets, clock))
    finally:
        database.close()
