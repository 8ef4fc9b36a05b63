"""Self-test: a model's golden answers, speed and memory, in a process of its own with limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contracts.update import Figures
from device.update.aside import aside
from device.update.guard import SLACK_MS
from device.update.proof_options import ProofOptions
from device.update.prover import Told
from device.update.refusal import Refusal
from vision.bundle import StoredBundle
from vision.tryout import Limits, OverBudget, Tryout, try_bundle

ROUNDS = 3


class SelfTest:
    """`own`: options of the engine. `old`: the bundle in force, measured the same way where no number says how fast is fast enough."""

    def __init__(
        self, engine: str, limits: Limits, work: Path | None, options: ProofOptions, old: Callable[[], StoredBundle | None],
        own: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._engine, self._work, self._options, self._old, self._own = engine, work, options, old, own
        self._limits = replace(limits, memory_mib=options.memory_mb or limits.memory_mib)

    def __call__(self, bundle: StoredBundle, told: Told) -> Figures:
        """Refusal with the code of what it failed at."""
        told("selftest", None, "", self._limits.seconds)
        seen = self._tried(bundle, told, golden=True)
        if seen.grown_mib > self._options.growth_mb:
            words = f"grew by {seen.grown_mib:.0f} MB in {seen.looks} looks, at most {self._options.growth_mb:g} (growth_mb)"
            raise Refusal("E_BUDGET", f"bundle {bundle.path}: {words}; keep the old model")
        return Figures(
            golden_pictures=seen.pictures, golden_difference=seen.difference, memory_mb=seen.memory_mib,
            p95_ms=self._in_time(bundle, seen, told) if seen.looks else None,
        )  # fmt: skip

    def _in_time(self, bundle: StoredBundle, seen: Tryout, told: Told) -> float:
        """The figure. A box that serves meanwhile has bad moments: too slow is who is so each time, measured anew beside the old one."""
        old = self._old() if self._options.p95_ms is None else None
        if self._options.p95_ms is None and (old is None or old.digest == bundle.digest):
            return seen.p95_ms
        for left in reversed(range(ROUNDS)):
            most, why = self._most(old, told)
            if seen.p95_ms <= most:
                return seen.p95_ms
            words = f"95 of 100 looks take {seen.p95_ms:.1f} ms here, at most {most:.1f} ({why}), {ROUNDS} times in a row"
            seen = self._tried(bundle, told, golden=False) if left else seen
        raise Refusal("E_BUDGET", f"bundle {bundle.path}: {words}; train a smaller one, or allow more")

    def _most(self, old: StoredBundle | None, told: Told) -> tuple[float, str]:
        """Milliseconds, and whose number that is."""
        if old is None:
            return self._options.p95_ms or math.inf, "p95_ms"
        measured = self._tried(old, told, golden=False).p95_ms
        return measured * self._options.slower + SLACK_MS, f"the old model takes {measured:.1f}; slower"

    def _tried(self, bundle: StoredBundle, told: Told, *, golden: bool) -> Tryout:
        def tried() -> Tryout:
            looks, limits, own = self._options.looks, self._limits, self._own
            try:
                return try_bundle(bundle, self._engine, limits=limits, golden=golden, work=self._work, looks=looks, options=own)
            except Exception as error:  # a seam: whatever a trial raises, it must not pass for an acceptance
                raise Refusal("E_BUDGET" if isinstance(error, OverBudget) else "E_GOLDEN", str(error)) from error

        return aside("selftest", tried, lambda: told("selftest"))
