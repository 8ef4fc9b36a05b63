"""The bench's network is what the README says it is: weights, work, layout, any shape; and the lamp is seen."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference

from bench import network


def answers(model: bytes, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": picture})[0], np.float32)


@pytest.fixture(scope="module")
def model() -> bytes:
    return network.model()


def test_it_has_the_weights_of_a_nano_detector(model: bytes) -> None:
    constants = onnx.load_from_string(model).graph.initializer
    weights = sum(numpy_helper.to_array(c).size for c in constants if c.data_type == onnx.TensorProto.FLOAT)
    assert 2.55e6 < weights < 2.70e6


def test_it_does_the_work_of_a_nano_detector(model: bytes) -> None:
    """Multiplications and additions of its convolutions at 640x640; attention adds a little."""
    graph = onnx.load_from_string(model)
    for dim, side in zip(graph.graph.input[0].type.tensor_type.shape.dim[1:3], (640, 640), strict=True):
        dim.Clear()
        dim.dim_value = side
    inferred = shape_inference.infer_shapes(graph).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.value_info}
    kernels = {c.name: numpy_helper.to_array(c) for c in graph.graph.initializer}
    work = 0
    for node in graph.graph.node:
        if node.op_type == "Conv":
            _, _, height, width = shapes[node.output[0]]
            work += 2 * kernels[node.input[1]].size * height * width
    assert 6.0e9 < work < 7.0e9


@pytest.mark.parametrize(("height", "width", "cells"), [(640, 640, 8400), (384, 640, 5040), (192, 320, 1260)])
def test_it_takes_any_shape_and_answers_as_yolo_does(model: bytes, height: int, width: int, cells: int) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (1, height, width, 3), np.uint8)
    found = answers(model, picture)
    assert found.shape == (1, 84, cells)
    assert np.isfinite(found).all()
    scores, centres = found[0, 4:], found[0, :2]
    assert 0 <= scores.min() < scores.max() <= 1
    assert (centres.min(axis=1) > -150).all()
    assert (centres.max(axis=1) < np.array([width, height]) + 150).all()


def test_the_same_weights_every_time(model: bytes) -> None:
    assert network.model() == model


@pytest.mark.parametrize("made", [network.lamp_only, lambda: network.model(lamp=True)], ids=["alone", "with the network"])
@pytest.mark.parametrize("shape", [(384, 640), (192, 320)])
def test_only_a_lit_lamp_is_sure(made: object, shape: tuple[int, int]) -> None:
    assert callable(made)
    dark = np.random.default_rng(1).integers(0, 60, (1, *shape, 3), np.uint8)
    lit = dark.copy()
    lit[:, : shape[0] // 3, : shape[1] // 3] = 250
    model = made()
    assert answers(model, dark)[0, 4].max() < 0.5
    found = answers(model, lit)[0]
    assert found[4].max() > 0.95
    assert np.delete(found[4:], found[4].argmax(), axis=1).max(initial=0) < 0.5
