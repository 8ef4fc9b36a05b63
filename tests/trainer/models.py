"""Tiny ONNX models made when a test asks, one a layout; their answer is a constant, tied to the input so that it is really run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "float16": TensorProto.FLOAT16, "int64": TensorProto.INT64}


def constant(
    answers: Sequence[NDArray[Any]], shape: Sequence[int | str] = (1, 3, 64, 96), dtype: str = "float32", names: str | None = None
) -> onnx.ModelProto:
    """answer + 0 * mean(image)"""
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    constants = {"zero": np.array(0, np.float32)}
    outputs = []
    for i, answer in enumerate(answers):
        constants[f"answer{i}"] = answer.astype(np.float32)
        nodes.append(helper.make_node("Add", [f"answer{i}", "nothing"], [f"output{i}"]))
        outputs.append(helper.make_tensor_value_info(f"output{i}", TensorProto.FLOAT, answer.shape))
    image = helper.make_tensor_value_info("images", TYPES[dtype], shape)
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [image], outputs, initializers), opset_imports=[helper.make_opsetid("", 17)], ir_version=10
    )
    if names is not None:
        helper.set_model_props(model, {"names": names})
    return model


def yolo_v8(classes: int = 3, places: int = 84) -> NDArray[np.float32]:
    """One box of class 1 at (20, 10, 40, 50) of 96x64."""
    out = np.zeros((1, 4 + classes, places), np.float32)
    out[0, :4, 5] = (30, 30, 20, 40)
    out[0, 5, 5] = 0.9
    return out


def yolo_v5(classes: int = 3, places: int = 84) -> NDArray[np.float32]:
    out = np.zeros((1, places, 5 + classes), np.float32)
    out[0, 5, :5] = (30, 30, 20, 40, 0.95)
    out[0, 5, 6] = 0.95
    return out


def end2end(rows: int = 20) -> NDArray[np.float32]:
    out = np.zeros((1, rows, 6), np.float32)
    out[0, 0] = (20, 10, 40, 50, 0.9, 1)
    return out


def ssd(classes: int = 3) -> list[NDArray[np.float32]]:
    """The pair of an SSD with 1917 anchors; one of the coarsest layer, over the whole picture, is class 1."""
    boxes, scores = np.zeros((1, 1917, 4), np.float32), np.full((1, 1917, classes + 1), -9, np.float32)
    scores[0, 1911, 2] = 3
    return [boxes, scores]
