"""A store with boxes whose hours are those of worlds, and a watch with a clock set by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from contracts.drift import DriftWindow
from tests.trainer.drift.worlds import MODEL, World
from trainer.drift.options import Options
from trainer.drift.watch import Watch
from trainer.store.database import Database
from trainer.store.drift_tables import drift_hours, drift_standing
from trainer.store.tables import devices

HOUR_US = 3_600_000_000
FIRST = 1_790_000_000 // 3600  # hours since 1970 of the worlds' first


@dataclass
class HandClock:
    hour: int = FIRST

    def mono_ns(self) -> int:
        return self.wall_ns()

    def wall_ns(self) -> int:
        return (self.hour * HOUR_US + 60_000_000) * 1000  # a minute past


class Field:
    """`say` puts hours of a world under a box; `look` lets time pass and looks."""

    def __init__(self, url: str, **options: Any) -> None:
        self.database, self.clock = Database(url), HandClock()
        self.watch = Watch(self.database, self.clock, lambda: Options(**options))
        self._numbers: dict[str, int] = {}

    def say(self, device: str, hours: dict[int, DriftWindow], model: str = MODEL) -> None:
        number = self._numbers.setdefault(device, len(self._numbers) + 1)
        rows = [
            {"device": number, "model": model, "camera": window.camera, "hour": FIRST + hour, "frames": window.frames,
             "body": window.model_copy(update={"model": model}).model_dump_json(), "came_us": self.clock.wall_ns() // 1000}
            for hour, window in hours.items()
        ]  # fmt: skip
        with self.database.write() as connection:
            if not connection.execute(select(devices.c.number).where(devices.c.number == number)).first():
                connection.execute(devices.insert(), {"number": number, "name": device, "first_us": 0, "last_us": 0})
            if rows:
                connection.execute(drift_hours.insert(), rows)

    def look(self, hour: int) -> list[Any]:
        """At the hour after that of the world."""
        self.clock.hour = FIRST + hour + 1
        return self.watch.step()

    def standing(self, **wanted: str) -> dict[str, dict[str, Any]]:
        query = select(drift_standing)
        for name, value in wanted.items():
            query = query.where(drift_standing.c[name] == value)
        with self.database.read() as connection:
            return {row["measure"]: dict(row) for row in connection.execute(query).mappings()}

    def close(self) -> None:
        self.database.close()


def world(seed: int = 0, **given: Any) -> World:
    return World(seed, **given)


def sqlite_in(folder: Path) -> str:
    return str(folder / "store.sqlite")
