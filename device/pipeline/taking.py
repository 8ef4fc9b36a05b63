"""TakeRules: what begins and what ends a take; the stage that decides and the recorder that follows share them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.types import Scene


@dataclass(frozen=True, slots=True)
class TakeRules:
    """One camera's frames decide, so that the same video gives the same takes however its cameras' frames interleave."""

    kind: str = "take"
    camera: str | None = None  # whose frames decide; None: the first there is
    gate: str | None = None  # zone of that camera in which a detection counts; None: the whole picture
    labels: tuple[str, ...] | None = None
    min_active_frames: int = 5
    end_gap_frames: int = 10
    longest_ns: int = 120_000_000_000


def of_labels(scene: Scene, labels: tuple[str, ...] | None) -> NDArray[np.bool_]:
    """Which of the scene's boxes are of these classes."""
    if labels is None:
        return np.ones(len(scene.detections), bool)
    wanted = [n for n, label in enumerate(scene.labels) if label in labels]
    mask: NDArray[np.bool_] = np.isin(scene.detections.class_id, wanted)
    return mask
