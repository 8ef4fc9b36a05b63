"""TorchEngine: the trained network itself as an engine, so that it is measured through the box's own preparation and head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vision.engines.engine import TensorSpec, check_tensor


class TorchEngine:
    """`answer` takes (1, H, W, 3) uint8 and gives (1, N, 6), as the exported file does."""

    name = "torch"

    def __init__(self, answer: torch.nn.Module, name: str) -> None:
        self._answer = answer.eval()
        self.inputs: tuple[TensorSpec, ...] = (TensorSpec(name, "uint8", (1, None, None, 3)),)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec("boxes", "float32", (1, None, 6)),)
        self.fingerprint: Mapping[str, str] = {"engine": self.name, "library": f"torch {torch.__version__}"}

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        check_tensor(self.inputs[0], tensor, self.name)
        with torch.no_grad():
            return [np.asarray(self._answer(torch.from_numpy(tensor)).numpy())]

    def close(self) -> None:
        """Nothing is held that others do not hold too."""
