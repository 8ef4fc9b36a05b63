"""Compare: the same bundle on two engines, output by output, on golden pictures and noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BundleError
from vision.bundle import StoredBundle
from vision.engines.engine import Engine
from vision.engines.opening import open_engine
from vision.prepare import Prepare
from vision.trial_pictures import pictures


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one output over all pictures."""

    output: str
    shape: tuple[int, ...]
    largest: float  # absolute
    mean: float
    range: float  # of the reference, between its least and its greatest value
    unequal: str = ""  # shapes differ, or numbers that are none

    @property
    def relative(self) -> float:
        """The largest, as a share of that range."""
        return self.largest / self.range if self.range else float(self.largest > 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    pictures: int
    outputs: tuple[Difference, ...]
    reference: Mapping[str, str]
    engine: Mapping[str, str]


def compare(stored: StoredBundle, engine: str, options: Mapping[str, Any] | None = None, work: Path | None = None) -> Comparison:
    """With ONNX Runtime on the CPU, on one thread."""
    prepare = Prepare(stored.manifest.input, None)
    reference = open_engine(stored, "onnx", 1)
    try:
        other = open_engine(stored, engine, 1, options, work)
        try:
            shown = pictures(stored)
            tensors = [prepare(planes)[0] for planes in shown]
            found = [(reference.run(tensor), other.run(tensor)) for tensor in tensors]
        finally:
            other.close()
    finally:
        reference.close()
    return Comparison(len(shown), _differences(reference, found), reference.fingerprint, other.fingerprint)


def _differences(reference: Engine, found: list[tuple[list[NDArray[Any]], list[NDArray[Any]]]]) -> tuple[Difference, ...]:
    if any(len(ours) != len(theirs) for ours, theirs in found):
        raise BundleError("the engines give different numbers of outputs; build the engine again")
    names = [spec.name for spec in reference.outputs]
    return tuple(_difference(name, [(ours[at], theirs[at]) for ours, theirs in found]) for at, name in enumerate(names))


def _difference(name: str, pairs: list[tuple[NDArray[Any], NDArray[Any]]]) -> Difference:
    shape = pairs[0][0].shape
    if any(ours.shape != theirs.shape for ours, theirs in pairs):
        return Difference(name, shape, 0.0, 0.0, 0.0, "its shape differs")
    if any(not np.array_equal(np.isfinite(ours), np.isfinite(theirs)) for ours, theirs in pairs):
        return Difference(name, shape, 0.0, 0.0, 0.0, "numbers of one are none in the other")
    ours, theirs = (np.concatenate([np.nan_to_num(pair[at].astype(np.float64)).ravel() for pair in pairs]) for at in (0, 1))
    if not ours.size:
        return Difference(name, shape, 0.0, 0.0, 0.0)
    apart = np.abs(ours - theirs)
    return Difference(name, shape, float(apart.max()), float(apart.mean()), float(np.ptp(ours)))
