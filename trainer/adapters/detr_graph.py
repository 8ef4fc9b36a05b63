"""DETR's two outputs as finished boxes: what its own program does after the graph is written into the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from contracts.errors import BundleError
from trainer.intake import read_onnx

MOST = 100  # boxes of a picture
OPSET = 13  # from which on axes are inputs and TopK is what it is


def finished(data: bytes, classes: int, boxes: str = "dets", logits: str = "labels") -> bytes:
    """(1, N, 4) centre and size as shares and (1, N, C') logits become (1, K, 6) corners as shares, confidence, class, best first.

    BundleError: these outputs are not there, or have fewer classes than `classes`; columns beyond them are dropped.
    """
    model = read_onnx(data)
    shapes = {each.name: [d.dim_value for d in each.type.tensor_type.shape.dim] for each in model.graph.output}
    if boxes not in shapes or logits not in shapes:
        raise BundleError(f"model: has outputs {', '.join(shapes)}, not {boxes} and {logits}; export the detector without its own decoding")
    queries, wide = shapes[logits][1], shapes[logits][2]
    if not queries or wide < classes:
        raise BundleError(f"model: output {logits} is {shapes[logits]} for {classes} classes; export it with a fixed size, trained on them")
    if max((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), default=0) < OPSET:
        raise BundleError(f"model: its opset is below {OPSET}; export it with a newer one")
    most = min(MOST, queries * classes)
    constants: dict[str, NDArray[Any]] = {
        "starts": np.array([0], np.int64), "ends": np.array([classes], np.int64), "axis": np.array([2], np.int64),
        "flat": np.array([1, queries * classes], np.int64), "k": np.array([most], np.int64), "classes": np.array(classes, np.int64),
        "index": np.array([1, most, 1], np.int64), "four": np.array([1, most, 4], np.int64), "parts": np.array([2, 2], np.int64),
        "half": np.array(0.5, np.float32), "last": np.array([2], np.int64),
    }  # fmt: skip
    model.graph.initializer.extend(numpy_helper.from_array(value, _own(name)) for name, value in constants.items())
    model.graph.node.extend(_nodes(boxes, logits))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(_own("boxes"), TensorProto.FLOAT, [1, most, 6]))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _nodes(boxes: str, logits: str) -> list[onnx.NodeProto]:
    steps: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("Slice", [logits, "=starts", "=ends", "=axis"], ["=known"], {}),
        ("Sigmoid", ["=known"], ["=shares"], {}),
        ("Reshape", ["=shares", "=flat"], ["=row"], {}),
        ("TopK", ["=row", "=k"], ["=score", "=at"], {"axis": 1}),
        ("Div", ["=at", "=classes"], ["=query"], {}),
        ("Mul", ["=query", "=classes"], ["=before"], {}),
        ("Sub", ["=at", "=before"], ["=kind"], {}),
        ("Cast", ["=kind"], ["=class"], {"to": TensorProto.FLOAT}),
        ("Reshape", ["=query", "=index"], ["=rows"], {}),
        ("Expand", ["=rows", "=four"], ["=places"], {}),
        ("GatherElements", [boxes, "=places"], ["=chosen"], {"axis": 1}),
        ("Split", ["=chosen", "=parts"], ["=centre", "=size"], {"axis": 2}),
        ("Mul", ["=size", "=half"], ["=reach"], {}),
        ("Sub", ["=centre", "=reach"], ["=low"], {}),
        ("Add", ["=centre", "=reach"], ["=high"], {}),
        ("Unsqueeze", ["=score", "=last"], ["=scores"], {}),
        ("Unsqueeze", ["=class", "=last"], ["=kinds"], {}),
        ("Concat", ["=low", "=high", "=scores", "=kinds"], ["=boxes"], {"axis": 2}),
    ]
    return [
        helper.make_node(kind, [_name(each) for each in sources], [_name(each) for each in made], name=_own(f"{kind}.{number}"), **more)
        for number, (kind, sources, made, more) in enumerate(steps)
    ]


def _name(text: str) -> str:
    """Ours are marked, so that none is one of the model's."""
    return _own(text[1:]) if text.startswith("=") else text


def _own(name: str) -> str:
    return f"vedette.{name}"
