"""Tiny ONNX models made when a test asks: no weights are kept in the repository."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Side = int | str
TYPES = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, NDArray[Any]] | None = None) -> bytes:
    initializers = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def white_box(height: Side = "h", width: Side = "w", name: str = "image", label: int = 0) -> bytes:
    """A detector without weights: the box round all that is brighter than 200, its score the brightest value / 255.

    uint8 NHWC in; (1, 1, 6) out, the end2end layout. Without anything bright the box is the whole input and the score low.
    """

    def edges(axis: str, other: int) -> list[Any]:
        return [
            helper.make_node("ReduceMax", ["value"], [f"{axis}_max"], axes=[0, other, 3], keepdims=0),
            helper.make_node("Greater", [f"{axis}_max", "bright"], [f"{axis}_lit"]),
            helper.make_node("Cast", [f"{axis}_lit"], [f"{axis}_mask"], to=TensorProto.FLOAT),
            helper.make_node("ArgMax", [f"{axis}_mask"], [f"{axis}_first"], axis=0, keepdims=1),
            helper.make_node("Cast", [f"{axis}_first"], [f"{axis}1"], to=TensorProto.FLOAT),
            helper.make_node("Slice", [f"{axis}_mask", "end", "begin", "rows", "end"], [f"{axis}_turned"]),
            helper.make_node("ArgMax", [f"{axis}_turned"], [f"{axis}_after"], axis=0, keepdims=1),
            helper.make_node("Shape", [f"{axis}_mask"], [f"{axis}_side"]),
            helper.make_node("Sub", [f"{axis}_side", f"{axis}_after"], [f"{axis}_last"]),
            helper.make_node("Cast", [f"{axis}_last"], [f"{axis}2"], to=TensorProto.FLOAT),
        ]

    nodes = [
        helper.make_node("Cast", [name], ["value"], to=TensorProto.FLOAT),
        *edges("x", 1),
        *edges("y", 2),
        helper.make_node("ReduceMax", ["value"], ["peak"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Div", ["peak", "full"], ["share"]),
        helper.make_node("Reshape", ["share", "single"], ["score"]),
        helper.make_node("Concat", ["x1", "y1", "x2", "y2", "score", "class"], ["row"], axis=0),
        helper.make_node("Reshape", ["row", "shape"], ["boxes"]),
    ]
    constants = {
        "bright": np.array(200, np.float32),
        "end": np.array([-1], np.int64),
        "begin": np.array([-(2**31)], np.int64),
        "rows": np.array([0], np.int64),
        "full": np.array(255, np.float32),
        "single": np.array([1], np.int64),
        "class": np.array([label], np.float32),
        "shape": np.array([1, 1, 6], np.int64),
    }
    image = helper.make_tensor_value_info(name, TensorProto.UINT8, [1, height, width, 3])
    return model(nodes, [image], [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 1, 6])], constants)


def times_two(dtype: str = "float32", shape: Sequence[Side] = (1, 3, "h", "w")) -> bytes:
    """Two outputs, the input doubled and its sum over channels: shapes follow the input's."""
    kind = TYPES[dtype]
    nodes = [
        helper.make_node("Cast", ["image"], ["value"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["value", "value"], ["double"]),
        helper.make_node("ReduceSum", ["value", "axes"], ["sum"], keepdims=0),
    ]
    outputs = [
        helper.make_tensor_value_info("double", TensorProto.FLOAT, list(shape)),
        helper.make_tensor_value_info("sum", TensorProto.FLOAT, [shape[0], shape[2], shape[3]]),
    ]
    image = helper.make_tensor_value_info("image", kind, list(shape))
    return model(nodes, [image], outputs, {"axes": np.array([1], np.int64)})


def constant(outputs: Sequence[NDArray[Any]], height: Side = "h", width: Side = "w") -> bytes:
    """Whatever the picture, the same answers: for heads behind a real engine."""
    nodes = [
        helper.make_node("Cast", ["image"], ["value"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["value"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        *(helper.make_node("Add", [f"answer{n}", "nothing"], [f"out{n}"]) for n in range(len(outputs))),
    ]
    constants: dict[str, NDArray[Any]] = {f"answer{n}": np.asarray(value, np.float32) for n, value in enumerate(outputs)}
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, height, width, 3])
    infos = [helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, list(value.shape)) for n, value in enumerate(outputs)]
    return model(nodes, [image], infos, {**constants, "zero": np.array(0, np.float32)})


def endless(rounds: int) -> bytes:
    """Adds one `rounds` times in a loop: as slow as wanted."""
    body = helper.make_graph(
        [helper.make_node("Add", ["so_far", "step"], ["more"]), helper.make_node("Identity", ["going"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("so_far", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_tensor_value_info("more", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(np.array([1], np.float32), "step")],
    )
    nodes = [helper.make_node("Loop", ["rounds", "", "image"], ["count"], body=body)]
    info = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1])
    return model(nodes, [info], [helper.make_tensor_value_info("count", TensorProto.FLOAT, [1])], {"rounds": np.array(rounds, np.int64)})


def two_inputs() -> bytes:
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("a", "b", "c")]
    return model([helper.make_node("Add", ["a", "b"], ["c"])], infos[:2], infos[2:])
