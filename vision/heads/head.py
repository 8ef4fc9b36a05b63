"""Head: the seam between a network's output tensors and boxes; a bundle names one of the table, never code of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from contracts import bundle
from contracts.errors import BundleError
from vision.heads import HEADS
from vision.types import Detections


class Head(Protocol):
    """`floors` is the least confidence of each class; `shape` the input's height and width."""

    def __call__(self, outputs: Sequence[NDArray[Any]], shape: tuple[int, int]) -> Detections:
        """Boxes in pixels of the input, best first. BundleError: these tensors are not of this layout."""
        ...


def open_head(spec: bundle.Head, floors: NDArray[np.float32], iou: float) -> Head:
    if spec.kind not in HEADS:
        raise BundleError(f"head {spec.kind}: not known, known are {', '.join(HEADS)}; correct head.kind in bundle.json")
    made = resolve_name(HEADS[spec.kind])
    try:
        options = made.Options.model_validate(spec.options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"head {spec.kind}: option {where}: {first['msg']}; correct head.options in bundle.json") from error
    head: Head = made(floors, iou, options)
    return head


def output(outputs: Sequence[NDArray[Any]], number: int, head: str, expected: str) -> NDArray[np.float32]:
    """One output as float32 without its batch of one."""
    if number >= len(outputs):
        raise BundleError(f"head {head}: expected output {number} of {expected}, the model has {len(outputs)}; {MEND}")
    tensor = outputs[number]
    if tensor.ndim != 3 or tensor.shape[0] != 1 or tensor.dtype.kind != "f":
        raise unlike(head, expected, tensor)
    return np.asarray(tensor[0], np.float32)


def unlike(head: str, expected: str, tensor: NDArray[Any]) -> BundleError:
    return BundleError(f"head {head}: expected {expected}, got {tensor.shape} of {tensor.dtype.name}; {MEND}")


MEND = "correct head and labels in bundle.json to what the model gives"
