"""Softmax: one score a label, (1, N), into how likely each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vision.heads.head import unlike
from vision.strict import Strict


class SoftmaxOptions(Strict):
    scores: Literal["logits", "probabilities"] = Field(default="logits", description="probabilities: the graph ends in a softmax already")
    output: int = Field(default=0, ge=0, description="which of the model's outputs")


class Softmax:
    Options = SoftmaxOptions

    def __init__(self, labels: int, options: SoftmaxOptions) -> None:
        self._labels, self._options = labels, options

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> NDArray[np.float32] | None:
        """By label, each 0 to 1; None where the model gives what is no number. BundleError: these tensors are not of this layout."""
        expected = f"(1, {self._labels}) as output {self._options.output}"
        if self._options.output >= len(outputs):
            raise unlike("softmax", expected, outputs[-1])
        tensor = outputs[self._options.output]
        if tensor.dtype.kind != "f" or tensor.shape[:1] != (1,) or tensor.size != self._labels:  # (1, N, 1, 1) is the same
            raise unlike("softmax", expected, tensor)
        scores = tensor.reshape(-1).astype(np.float64)
        if not np.isfinite(scores).all():
            return None
        if self._options.scores == "probabilities":
            return scores.clip(0, 1).astype(np.float32)
        raised = np.exp(scores - scores.max())
        return np.asarray(raised / raised.sum(), np.float32)
