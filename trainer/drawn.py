"""Frames with boxes drawn by hand: what a model is measured against that no model has labelled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.errors import ConfigError
from trainer.evaluate import Truth


@dataclass(frozen=True)
class Drawn:
    """By frame number, in pixels of the recording."""

    truths: dict[int, Truth]
    footage_sha256: str

    @property
    def boxes(self) -> int:
        return sum(len(truth.boxes) for truth in self.truths.values())


def read_drawn(path: Path) -> Drawn:
    try:
        said = json.loads(path.read_text())
        truths = {int(frame["frame"]): Truth(_boxes(frame["boxes"]), _boxes(frame["ignored"])) for frame in said["frames"]}
        return Drawn(truths, str(said["footage_sha256"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"drawn frames {path}: cannot be read ({error}); restore the file") from error


def _boxes(rows: list[list[float]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(rows, np.float32).reshape(-1, 4)
