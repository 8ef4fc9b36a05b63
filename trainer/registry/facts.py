"""Facts: what the network itself says a box needs: its operators' version, and the memory of its weights and its largest moment."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import onnx
from onnx import shape_inference

from contracts.bundle import Input
from trainer.intake import read_onnx

MIB = 1 << 20
ROUND_MIB = 16  # the estimate is no finer
ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}  # by onnx.TensorProto's type


@dataclass(frozen=True)
class Facts:
    """`memory_mib` is estimated, not measured, so that it is the same on every machine: weights twice (engines keep them rearranged), and
    the tensors that are alive together at most for one picture of the size the model was made for."""

    opset: int
    operators: int
    memory_mib: int


def facts_of(model: bytes, spec: Input) -> Facts:
    """BundleError for a model that no bundle may hold: operators that are not ONNX's own, weights in other files, a broken graph."""
    proto = read_onnx(model)
    opset = max(each.version for each in proto.opset_import if each.domain in {"", "ai.onnx"})
    weights = sum(tensor.ByteSize() for tensor in proto.graph.initializer)
    memory = math.ceil((2 * weights + _most_alive(proto, spec)) / MIB / ROUND_MIB) * ROUND_MIB
    return Facts(opset, len(proto.graph.node), max(memory, ROUND_MIB))


def _most_alive(model: onnx.ModelProto, spec: Input) -> int:
    """Bytes of all tensors that are needed at one time, at its worst, run node by node."""
    sizes = _sizes(model, spec)
    uses = Counter(name for node in model.graph.node for name in node.input)
    uses.update(output.name for output in model.graph.output)
    alive = sum(sizes.get(each.name, 0) for each in model.graph.input)
    most = alive
    for node in model.graph.node:
        alive += sum(sizes.get(name, 0) for name in node.output)
        most = max(most, alive)
        for name in node.input:
            uses[name] -= 1
            if not uses[name]:
                alive -= sizes.get(name, 0)
    return most


def _sizes(model: onnx.ModelProto, spec: Input) -> dict[str, int]:
    """Of each tensor whose shape is known when the input has its usual one; the others count nothing."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    height, width = spec.size
    usual = (1, height, width, 3) if spec.layout == "nhwc" else (1, 3, height, width)
    for each in fixed.graph.input:
        sides = each.type.tensor_type.shape.dim
        if each.name == spec.name and len(sides) == len(usual):
            for side, value in zip(sides, usual, strict=True):
                side.dim_value = value
    del fixed.graph.value_info[:]
    try:
        inferred = shape_inference.infer_shapes(fixed, data_prop=True)
    except (shape_inference.InferenceError, ValueError):
        return {}
    known = [*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output]
    return {each.name: _bytes(each.type.tensor_type) for each in known}


def _bytes(kind: onnx.TypeProto.Tensor) -> int:
    sides = [side.dim_value for side in kind.shape.dim]
    return math.prod(sides) * ITEM_BYTES.get(kind.elem_type, 4) if all(side > 0 for side in sides) else 0
