"""Runner: whoever has units looked at, on this machine or on many; and what it gives back for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from device.batch.units import Unit


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit that could not be looked at, and why; the recording it is of is named as failed, others go on."""

    reason: str


Result: TypeAlias = bytes | Failure  # the bytes of a sightings file (device/batch/sightings.py)


class Runner(Protocol):
    """Made of a recipe (device/batch/recipe.py); calls `device.batch.work.look(recipe, unit.to_json())` for each unit, in processes
    that keep what they opened from one unit to the next. The same unit gives the same bytes wherever and however often it is run.
    """

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Result]]:
        """In any order, each once. `units` is drawn from by another thread and only a few ahead: it is long, and made as it goes.

        A worker that dies has its unit tried once more, elsewhere; after that it is a Failure. What `units` itself raises is raised.
        """
        ...

    def close(self) -> None:
        """Let go of processes and connections, at once, whatever is under way; what is not finished is not reported."""
        ...
