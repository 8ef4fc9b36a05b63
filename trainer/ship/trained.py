"""Trained: what is exported: a network, its classes and size, and the pictures it is measured and calibrated with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.bundle import Head, Input
from trainer.export import INPUT, MULTIPLE
from trainer.network import Network
from trainer.ship.lesson import Lesson


@dataclass(frozen=True, eq=False)
class Trained:
    """`labels` by class number of the network; `size` height and width it was made for."""

    network: Network
    labels: tuple[str, ...]
    size: tuple[int, int]
    lesson: Lesson
    licence: str = ""
    notes: Sequence[str] = ()

    @property
    def input(self) -> Input:
        return Input(name=INPUT, dtype="uint8", layout="nhwc", color="rgb", size=self.size, multiple=MULTIPLE, fit="letterbox")

    @property
    def head(self) -> Head:
        return Head(kind="points")
