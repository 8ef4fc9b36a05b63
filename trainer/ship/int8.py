"""INT8: convolutions in eight bits with their ranges written into the graph (QDQ), taken from pictures of the training part only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from contracts.bundle import Input
from contracts.errors import BundleError
from dataset.items import Item
from trainer.ship.ends import CONVOLUTION, ends, named
from trainer.ship.measuring import picture
from trainer.ship.silence import silence
from vision.prepare import Prepare

LEAST = 64  # pictures, or as many as there are


@dataclass(frozen=True)
class Scheme:
    """How numbers become eight bits. TensorRT takes only ranges symmetric about 0."""

    name: str
    symmetric: bool
    last_in_float: bool  # the convolutions that give confidences and sides


# each is tried until one loses little enough
SCHEMES = (Scheme("symmetric", True, False), Scheme("symmetric, last layers float", True, True), Scheme("asymmetric", False, True))


def chosen(train: Sequence[Item], wanted: int, seed: int) -> list[Item]:
    """Spread by chance over the training part, the same for the same seed; never fewer than 64 while there are so many."""
    there = sorted((item for item in train if item.path is not None), key=lambda item: item.id)
    count = min(len(there), max(wanted, LEAST))
    if not count:
        raise BundleError("INT8: the training part has no picture to take ranges from; name a split with one")
    picks = np.random.default_rng(seed).choice(len(there), count, replace=False)
    return [there[i] for i in sorted(picks.tolist())]


def to_int8(data: bytes, scheme: Scheme, spec: Input, items: Sequence[Item], tick: Callable[[int, int], None]) -> bytes:
    """BundleError: it could not be made."""
    model = named(onnx.load_model_from_string(data))
    apart = ends(model) | (last_convolutions(model) if scheme.last_in_float else frozenset())
    with tempfile.TemporaryDirectory(prefix="vedette-int8-") as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(model.SerializeToString())
        with silence():
            quantize_static(
                str(before),
                str(after),
                _Pictures(spec, items, tick),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=sorted(apart),
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"ActivationSymmetric": scheme.symmetric, "WeightSymmetric": True},
            )
        return bytes(onnx.load_model(after).SerializeToString(deterministic=True))


def last_convolutions(model: onnx.ModelProto) -> frozenset[str]:
    """Those after which no other comes."""
    convolutions = {node.name for node in model.graph.node if node.op_type == CONVOLUTION}
    followed: set[str] = set()
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    leads: dict[str, bool] = {}
    for node in reversed(model.graph.node):  # a graph of ONNX is in order
        after = [each for name in node.output for each in users.get(name, [])]
        leads[node.name] = any(each.op_type == CONVOLUTION or leads[each.name] for each in after)
        if leads[node.name]:
            followed.add(node.name)
    return frozenset(convolutions - followed)


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """The interface that onnxruntime asks for pictures by."""

    def __init__(self, spec: Input, items: Sequence[Item], tick: Callable[[int, int], None]) -> None:
        self._name = spec.name
        self._tensors = _tensors(spec, items, tick)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        tensor = next(self._tensors, None)
        return None if tensor is None else {self._name: tensor}


def _tensors(spec: Input, items: Sequence[Item], tick: Callable[[int, int], None]) -> Iterator[NDArray[Any]]:
    prepare = Prepare(spec)
    for done, item in enumerate(items, 1):
        yield prepare(picture(item))[0]
        tick(done, len(items))
