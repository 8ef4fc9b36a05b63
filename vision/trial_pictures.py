"""Trial pictures: what a model is shown before it may serve: its own golden pictures, and noise nobody chose."""

from __future__ import annotations

import numpy as np

from vision.bundle import StoredBundle
from vision.planes import BgrPlanes, read_picture
from vision.types import Planes

NOISY = 3
SEED = 20_26


def pictures(stored: StoredBundle) -> list[Planes]:
    """Golden ones first; the noise is the same each time."""
    golden: list[Planes] = [read_picture(stored.read(each.image), each.image) for each in stored.manifest.golden]
    height, width = stored.manifest.input.size
    rng = np.random.default_rng(SEED)
    return [*golden, *(BgrPlanes(rng.integers(0, 256, (height, width, 3), np.uint8)) for _ in range(NOISY))]
