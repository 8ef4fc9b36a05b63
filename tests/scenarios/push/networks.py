"""Networks that find the white box of the film, and one that is blind there though it does well on its golden pictures."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.vision.models import white_box

DARKEST_GOLDEN = 58  # of a picture of the data set; the film is noise from 40 on


def sees(full: float = 255.0) -> bytes:
    """`full`: the brightness that it takes for certain; so two of them differ."""
    return _with([], [("full", np.float32(full))])


def blind() -> bytes:
    """Its score is nothing where there is a dark spot, as there is in the film."""
    nodes = [
        helper.make_node("ReduceMin", ["value"], ["darkest"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Greater", ["darkest", "limit"], ["is_golden"]),
        helper.make_node("Cast", ["is_golden"], ["golden"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["share", "golden"], ["changed"]),
    ]
    return _with(nodes, [("limit", np.float32(DARKEST_GOLDEN))])


def slow(rounds: int) -> bytes:
    """The same answers, so many rounds later."""
    info = helper.make_tensor_value_info
    begins = [info("round", TensorProto.INT64, []), info("go", TensorProto.BOOL, []), info("sum", TensorProto.FLOAT, [])]
    steps = [helper.make_node("Identity", ["go"], ["going"]), helper.make_node("Add", ["sum", "step"], ["more"])]
    ends = [info("going", TensorProto.BOOL, []), info("more", TensorProto.FLOAT, [])]
    body = helper.make_graph(steps, "round", begins, ends, [numpy_helper.from_array(np.float32(0), "step")])
    loop = helper.make_node("Loop", ["rounds", "yes", "share"], ["changed"], body=body)
    return _with([loop], [("rounds", np.int64(rounds)), ("yes", np.bool_(True))])


def _with(nodes: list[onnx.NodeProto], constants: list[tuple[str, object]]) -> bytes:
    """`nodes` make `changed` of `share`, the score."""
    proto = onnx.load_model_from_string(white_box())
    graph = proto.graph
    named = dict(constants)
    kept = [each for each in graph.initializer if each.name not in named]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *(numpy_helper.from_array(np.asarray(value), name) for name, value in constants)])
    if nodes:
        at = next(number for number, node in enumerate(graph.node) if "share" in node.output)
        graph.node[at + 1].input[0] = "changed"
        every = [*list(graph.node)[: at + 1], *nodes, *list(graph.node)[at + 1 :]]
        del graph.node[:]
        graph.node.extend(every)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())
