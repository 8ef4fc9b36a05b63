"""Building: the step before the self-test, where this box's engine compiles: in the background, with progress; the old model serves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from contracts.errors import VedetteError
from device.update.proof_options import ProofOptions
from device.update.prover import Told
from device.update.refusal import Refusal
from vision.building import build, compiles
from vision.bundle import StoredBundle


class Building:
    """`own`: options of the engine.

    `work`: the folder in which what was built is kept, and found by the self-test and by the stage that looks."""

    def __init__(self, engine: str, work: Path, options: ProofOptions, own: Mapping[str, Any] | None = None) -> None:
        self._engine, self._work, self._options, self._own = engine, work, options, own

    def __call__(self, bundle: StoredBundle, told: Told) -> None:
        """Refusal E_BUILD. Let go of in between, the process ends."""
        if not compiles(self._engine):
            return
        told("building", None, f"engine {self._engine} is built for this box", self._options.build_s)
        try:
            with closing(build(bundle, self._engine, self._work, self._options.build_s, self._own)) as steps:
                for step in steps:
                    told("building", step.percent, f"engine {self._engine} is built for this box", step.left_s)
        except VedetteError as error:
            if isinstance(error, Refusal):
                raise
            raise Refusal("E_BUILD", str(error)) from error
        told("building", 100.0, "", 0.0)
