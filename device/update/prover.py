"""Prover: what a model must show on this box before it is in force; the updater knows only this."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from contracts.update import Figures, Mode, UpdateCode, UpdateState
from vision.bundle import StoredBundle


@dataclass(frozen=True, slots=True)
class Verdict:
    """`accepted`: it is in force from now on, or with mode `shadow` was content beside the old one."""

    accepted: bool
    code: UpdateCode | None = None  # why not
    words: str = ""  # what, which, what to do
    figures: Figures = field(default_factory=Figures)


class Told(Protocol):
    """What a prover says on its way, at least every few seconds: a new state is written down before it returns, the rest is shown.
    Raises Superseded or Stopped when the work is to be let go of: the old model then serves on, and what was begun is undone."""

    def __call__(self, state: UpdateState, percent: float | None = None, words: str = "", left_s: float | None = None) -> None: ...


class Prover(Protocol):
    """building, selftest, shadow, trial: whatever of these it does, it says. On the updater's thread; may take as long as a trial takes."""

    def prove(self, bundle: StoredBundle, told: Told, mode: Mode = "live") -> Verdict: ...
