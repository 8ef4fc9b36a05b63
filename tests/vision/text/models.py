"""The models that read text, where they were fetched; and a small network of the same layout for what needs no reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from vision.bundle import StoredBundle, read_bundle
from vision.bundle_write import write_bundle

FETCHED = Path(__file__).resolve().parents[3] / ".cache" / "models"
GREY = {"dtype": "float32", "layout": "nchw", "color": "bgr", "mean": (127.5, 127.5, 127.5), "std": (127.5, 127.5, 127.5)}
LETTERS = "ab "


def fetched(name: str) -> StoredBundle:
    if not (FETCHED / name / "bundle.json").is_file():
        pytest.skip("the models that read text are not here: run `make test` or scripts/text_model.py")
    return read_bundle(FETCHED / name)


def bright_bundle(path: Path, letters: str = LETTERS, **fields: Any) -> StoredBundle:
    """Reads a line of 8 pixels a step by its brightness: black is blank, then one letter after the other."""
    described = {
        "name": "bright", "version": "1.0.0", "task": "read_text", "labels": ["text"], "license": "Apache-2.0",
        "input": {"name": "x", "size": (48, 320), **GREY}, "head": {"kind": "ctc"}, **fields,
    }  # fmt: skip
    charset = ("\n".join(letters) + "\n").encode()
    return write_bundle(path, described, {"model.onnx": bright(len(letters) + 1), "charset.txt": charset, "CARD.md": b"# Bright\n"})


def bright(columns: int) -> bytes:
    """Mean brightness of each 8 columns, as how near it is to `columns` levels from -1 to 1."""
    levels = np.linspace(-1, 1, columns, dtype=np.float32).reshape(1, 1, columns)
    constants = [
        numpy_helper.from_array(levels, "levels"),
        numpy_helper.from_array(np.array([0, -1, 1], np.int64), "shape"),
        numpy_helper.from_array(np.array(-40, np.float32), "sharp"),
    ]
    nodes = [
        helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[48, 8], strides=[48, 8]),
        helper.make_node("ReduceMean", ["pooled"], ["grey"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["grey", "shape"], ["steps"]),
        helper.make_node("Sub", ["steps", "levels"], ["off"]),
        helper.make_node("Abs", ["off"], ["away"]),
        helper.make_node("Mul", ["away", "sharp"], ["near"]),
        helper.make_node("Softmax", ["near"], ["scores"], axis=2),
    ]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 48, "w"])
    out = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", "t", columns])
    return _model(nodes, image, out, constants)


def map_bundle(path: Path, **fields: Any) -> StoredBundle:
    """Says that text is wherever the picture is bright."""
    described = {
        "name": "map", "version": "1.0.0", "task": "find_text", "labels": ["text"], "license": "Apache-2.0",
        "input": {"name": "x", "size": (96, 96), "multiple": 32, **GREY}, "head": {"kind": "db"}, "min_confidence": 0.5, **fields,
    }  # fmt: skip
    axes = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["grey", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "half"], ["map"]),
    ]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
    out = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", 1, "h", "w"])
    return write_bundle(path, described, {"model.onnx": _model(nodes, image, out, [axes]), "CARD.md": b"# Map\n"})


def _model(nodes: list[Any], image: Any, out: Any, constants: list[Any]) -> bytes:
    graph = helper.make_graph(nodes, "g", [image], [out], constants)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())
