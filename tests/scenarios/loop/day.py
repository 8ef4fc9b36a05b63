"""Day: the data set the box's first model was made of: shelves by day, every thing drawn by a person, in sessions of a few pictures."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from dataset.about import About
from dataset.exporter import Exporter
from dataset.marks import drawn
from tests.scenarios.loop.shelf import CLASSES, shelf

BEGAN = datetime(2026, 3, 2, 10, 0, tzinfo=timezone.utc)
APART_S = 2.5  # of the pictures of one session


def day_set(folder: Path, sessions: int, pictures: int) -> int:
    """How many pictures it has."""
    with Exporter(folder, description="shelves by day") as exporter:
        for session in range(sessions):
            shown = shelf(session, "day")
            for number in range(pictures):
                picture, boxes = shown.at(number * APART_S)
                exporter.add(picture, [drawn(kind, box) for kind, box in boxes], about(session, number))
        exporter.commit()
        return exporter.committed


def about(session: int, number: int) -> About:
    return About(
        timestamp=BEGAN + timedelta(minutes=session, seconds=number * APART_S),
        source="aisle-0",
        reason="uniform",
        session=f"shop:day-{session}",
        reviewed=True,
        exhaustive_for=CLASSES,
    )
