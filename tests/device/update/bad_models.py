"""White boxes that do well on their golden picture and on noise, and badly on pictures whose brightest value is 254: live ones."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.vision.models import white_box

LIVE = 254


def _constant(name: str, value: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def _with(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto]) -> bytes:
    """`nodes` make `changed` of `share`, the score, and `live`, 1.0 on a live picture; nodes are put in their order."""
    proto = onnx.load_model_from_string(white_box())
    graph = proto.graph
    at = next(number for number, node in enumerate(graph.node) if node.output[0] == "share")
    graph.node[at + 1].input[0] = "changed"
    is_live = helper.make_node("Equal", ["peak", "live_peak"], ["is_live"])
    trigger = [is_live, helper.make_node("Cast", ["is_live"], ["live"], to=TensorProto.FLOAT)]
    every = [*list(graph.node)[: at + 1], *trigger, *nodes, *list(graph.node)[at + 1 :]]
    del graph.node[:]
    graph.node.extend(every)
    graph.initializer.extend([_constant("live_peak", np.float32(LIVE)), *constants])
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def blind() -> bytes:
    """Sees nothing on live pictures."""
    nodes = [helper.make_node("Sub", ["one", "live"], ["dark"]), helper.make_node("Mul", ["share", "dark"], ["changed"])]
    return _with(nodes, [_constant("one", np.float32(1))])


def failing() -> bytes:
    """Gives no answer on live pictures: it looks up what is not there."""
    nodes = [
        helper.make_node("Cast", ["live"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["zero"], axis=0),
        helper.make_node("Add", ["share", "zero"], ["changed"]),
    ]
    return _with(nodes, [_constant("table", np.zeros(1, np.float32))])


def looping(rounds: int, always: bool = False) -> bytes:
    """Takes so many rounds on live pictures, or on all."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["going"]), helper.make_node("Add", ["sum", "step"], ["more"])],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, []),
        ],
        [helper.make_tensor_value_info("going", TensorProto.BOOL, []), helper.make_tensor_value_info("more", TensorProto.FLOAT, [])],
        [_constant("step", np.float32(0))],
    )
    nodes = [
        helper.make_node("Cast", ["live"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Max", ["whole", "least"], ["times"]),
        helper.make_node("Mul", ["times", "rounds"], ["many"]),
        helper.make_node("Loop", ["many", "yes", "share"], ["changed"], body=body),
    ]
    constants = [_constant("least", np.int64(always)), _constant("rounds", np.int64(rounds)), _constant("yes", np.bool_(True))]
    return _with(nodes, constants)

