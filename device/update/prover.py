"""Prover: what a model must show on this box before it is in force; the updater knows only this."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from contracts.update import Figures, Mode, UpdateCode, UpdateState
from vision.bundle import StoredBundle
from vision.tryout import Limits, try_bundle


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


class GoldenProver:
    """The golden answers in a process of its own, with limits of time and memory: the least that a model must show."""

    def __init__(self, engine: str, limits: Limits, work: Path | None = None) -> None:
        self._engine, self._limits, self._work = engine, limits, work

    def prove(self, bundle: StoredBundle, told: Told, mode: Mode = "live") -> Verdict:
        told("selftest", None, "", self._limits.seconds)
        flaws: list[Exception] = []
        trying = threading.Thread(target=self._try, args=(bundle, flaws), name="selftest", daemon=True)
        trying.start()
        while trying.is_alive():  # when the work is let go of, the child goes on to its own limits, and nobody listens
            trying.join(1.0)
            told("selftest")
        if flaws:
            words = str(flaws[0])
            return Verdict(False, "E_BUDGET" if "gives no answer within" in words else "E_GOLDEN", words)
        manifest = bundle.manifest
        pictures = len(manifest.golden) + len(manifest.golden_text) + len(manifest.golden_scores)
        return Verdict(True, figures=Figures(golden_pictures=pictures))

    def _try(self, bundle: StoredBundle, flaws: list[Exception]) -> None:
        try:
            try_bundle(bundle, self._engine, limits=self._limits, golden=True, work=self._work)
        except Exception as error:  # noqa: BLE001 - a seam: whatever a trial raises, it must not pass for an acceptance
            flaws.append(error)
