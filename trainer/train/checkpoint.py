"""Checkpoint: a run as it was between two steps. One file holds all of it; `checkpoint.json` beside it is for people."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, ValidationError

from contracts.envelope import first_fault
from contracts.errors import ProtocolError
from contracts.files import write_durably
from contracts.run import Best, EpochLine
from contracts.wire import Wire
from trainer.train.learner import Learner
from trainer.train.run_folder import RunFolder
from trainer.train.weights import read_tensors, write_tensors


class Place(Wire):
    """Where a run is. `step` counts from the beginning; the sums are of the epoch that is under way."""

    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = Field(default_factory=dict)
    seconds: float = 0.0
    best: Best | None = None
    waited: int = 0
    line: EpochLine | None = None
    scaling: dict[str, float] = Field(default_factory=dict)
    ended: bool = False


@dataclass
class Sums:
    """Losses of the epoch under way, added up exactly as in a run that was not broken off."""

    parts: dict[str, float]
    steps: int = 0

    def add(self, losses: dict[str, float]) -> None:
        self.parts = {name: self.parts.get(name, 0.0) + value for name, value in losses.items()}
        self.steps += 1

    def means(self) -> dict[str, float | None]:
        return {name: value / max(self.steps, 1) for name, value in self.parts.items()}


def keep(folder: RunFolder, learner: Learner, place: Place) -> None:
    """Atomic: the tensors and the place are one file."""
    place = place.model_copy(update={"scaling": learner.scaling()})
    write_tensors(folder.checkpoint, learner.tensors(), place.model_dump(mode="json"))
    write_durably(folder.path / "checkpoint.json", place.model_dump_json(indent=1).encode() + b"\n")


def resume(folder: RunFolder, learner: Learner) -> Place:
    """The beginning where there is no checkpoint yet."""
    if not folder.checkpoint.exists():
        return Place()
    tensors, said = read_tensors(folder.checkpoint)
    try:
        place = Place.model_validate(said)
        learner.restore(tensors, place.scaling)
    except (ValidationError, KeyError, RuntimeError) as error:
        why = first_fault(error) if isinstance(error, ValidationError) else str(error)[:200]
        raise ProtocolError(f"{folder.checkpoint}: is no checkpoint of this run ({why}); begin a new run") from error
    return place
