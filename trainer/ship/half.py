"""Half: a graph whose inner operators count in half floats, with a cast wherever a value crosses to those that stay in float32."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from contracts.errors import BundleError

ONLY_FIRST = {"Resize", "Upsample"}  # their other inputs are sizes and stay what they are
LARGEST = 65504.0  # of a half float


def halved(model: onnx.ModelProto, apart: Collection[str]) -> onnx.ModelProto:
    """Nodes named in `apart` and the graph's inputs and outputs keep their types. BundleError: a weight does not fit a half float."""
    work = _Work(model, apart)
    nodes = [node for old in model.graph.node for node in work.moved(old)]
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.node[:]
    del made.graph.value_info[:]  # types there are those of before
    made.graph.node.extend(nodes)
    made.graph.initializer.extend(work.weights)
    used = {name for node in nodes for name in node.input} | {each.name for each in made.graph.output}
    kept = [each for each in made.graph.initializer if each.name in used]
    del made.graph.initializer[:]
    made.graph.initializer.extend(kept)
    try:
        onnx.checker.check_model(made, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise BundleError(f"FP16: an operator does not take half floats ({str(error)[:200]}); ship float32 or INT8") from error
    return made


class _Work:
    def __init__(self, model: onnx.ModelProto, apart: Collection[str]) -> None:
        self._apart = apart
        self._floats = _floats(model)
        self._inner = {name for node in model.graph.node if node.name not in apart for name in node.output if name in self._floats}
        self._outside = {name for node in model.graph.node if node.name in apart for name in node.input} | {
            o.name for o in model.graph.output
        }
        self._ready: dict[str, str] = {}
        self.weights: list[onnx.TensorProto] = []

    def moved(self, old: onnx.NodeProto) -> list[onnx.NodeProto]:
        """The node with the casts it needs before and after."""
        node = onnx.NodeProto()
        node.CopyFrom(old)
        if node.name in self._apart:
            return [node]
        before: list[onnx.NodeProto] = []
        for place, name in enumerate(node.input):
            if name in self._floats and not (place and node.op_type in ONLY_FIRST):
                node.input[place] = self._half(name, before)
        _gives_half(node)
        after = []
        for place, name in enumerate(node.output):
            if name in self._inner and name in self._outside:  # the float32 value keeps its name, for whoever reads it
                node.output[place] = f"{name}.half"
                after.append(helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.to_float", to=TensorProto.FLOAT))
        return [*before, node, *after]

    def _half(self, name: str, before: list[onnx.NodeProto]) -> str:
        """The name under which a value is a half float."""
        if name in self._inner:
            return f"{name}.half" if name in self._outside else name
        if name not in self._ready:
            self._ready[name] = f"{name}.half"
            value = self._floats[name]
            if value is None:
                before.append(helper.make_node("Cast", [name], [f"{name}.half"], name=f"{name}.to_half", to=TensorProto.FLOAT16))
            else:
                self.weights.append(numpy_helper.from_array(_rounded(name, value), f"{name}.half"))
        return self._ready[name]


def _gives_half(node: onnx.NodeProto) -> None:
    """For the operators that say themselves what they give, whatever comes in."""
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        if node.op_type == "ConstantOfShape" and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(numpy_helper.from_array(_rounded(node.name, numpy_helper.to_array(attribute.t))))


def _rounded(name: str, value: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    largest = float(np.abs(value).max(initial=0.0))
    if not largest <= LARGEST:
        raise BundleError(f"FP16: weight {name} reaches {largest:.0f}, and a half float ends at {LARGEST:.0f}; ship float32 or INT8")
    return value.astype(np.float16)


def _floats(model: onnx.ModelProto) -> Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None]:
    """Every float32 value by name, with its numbers where they are constant."""
    known = onnx.shape_inference.infer_shapes(model).graph
    values = [*known.value_info, *known.input, *known.output]
    found: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None] = {
        each.name: None for each in values if each.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            found[weight.name] = numpy_helper.to_array(weight)
    for node in model.graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
                found[node.output[0]] = numpy_helper.to_array(attribute.t)
    return found
