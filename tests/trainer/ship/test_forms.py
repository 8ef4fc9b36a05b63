"""What is kept in float in the smaller forms, and how they are made."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from contracts.errors import BundleError, ConfigError
from contracts.exported import ExportedFigures
from tests.trainer.ship import lessons
from trainer.export import check_same
from trainer.network import Answer, Network
from trainer.ship import int8
from trainer.ship.ends import ends, named
from trainer.ship.exporting import export_trained
from trainer.ship.fp16 import check_range, largest_value, to_fp16
from trainer.ship.graph import EXPORTERS, graph_of
from trainer.ship.half import halved
from trainer.ship.verdicts import check_equal, why_not
from vision.engines.onnx import OnnxEngine


@pytest.fixture(scope="module")
def graph() -> bytes:
    return graph_of(lessons.network(), lessons.SIZE).data


def test_the_ends_hold_scaling_and_decoding_and_no_convolution(graph: bytes) -> None:
    model = named(onnx.load_model_from_string(graph))
    apart = ends(model)
    kinds = {node.op_type for node in model.graph.node if node.name in apart}
    assert {"TopK", "Sigmoid", "MaxPool", "Exp", "GatherElements", "Div", "Sub"} <= kinds
    assert "Conv" not in kinds
    inner = {node.op_type for node in model.graph.node if node.name not in apart}
    assert inner <= {"Conv", "Clip", "Relu", "Add", "Resize"}
    assert len(int8.last_convolutions(model)) == 2


def test_no_eighth_bit_reaches_the_boxes(graph: bytes, tmp_path: Path) -> None:
    spec = lessons.trained(tmp_path / "a", 2, 2).input
    data = int8.to_int8(graph, int8.SCHEMES[0], spec, lessons.lesson(tmp_path / "a", 2, 2).train, lambda done, total: None)
    model = named(onnx.load_model_from_string(data))
    makers = {name: node for node in model.graph.node for name in node.output}
    topk = next(node for node in model.graph.node if node.op_type == "TopK")
    assert "Quantize" not in makers[topk.input[0]].op_type
    quantised = sum(node.op_type == "QuantizeLinear" for node in model.graph.node)
    assert quantised > 40  # and the rest is in eight bits
    weights = {each.name: each.data_type for each in model.graph.initializer}
    assert sum(kind == TensorProto.INT8 for kind in weights.values()) >= 55


def test_ranges_come_from_the_pictures_that_are_given(graph: bytes, tmp_path: Path) -> None:
    trained = lessons.trained(tmp_path, 4, 4)
    made = [
        int8.to_int8(graph, int8.SCHEMES[0], trained.input, part, lambda done, total: None)
        for part in (trained.lesson.train, trained.lesson.train, trained.lesson.val)
    ]
    assert made[0] == made[1] != made[2]


def test_at_least_64_pictures_give_the_ranges_or_all_there_are(tmp_path: Path) -> None:
    few, many = lessons.lesson(tmp_path, 3, 1).train, [lessons.item(tmp_path, n, "train") for n in range(70)]
    assert len(int8.chosen(few, 128, 1)) == 3
    assert len(int8.chosen(many, 5, 1)) == 64
    assert len(int8.chosen(many, 66, 1)) == 66
    assert int8.chosen(many, 5, 1) == int8.chosen(many[::-1], 5, 1) != int8.chosen(many, 5, 2)
    with pytest.raises(BundleError, match="no picture to take ranges from"):
        int8.chosen([], 64, 1)


def test_half_floats_stay_inside(graph: bytes) -> None:
    data = to_fp16(graph)
    model = onnx.load_model_from_string(data)
    kinds = [each.data_type for each in model.graph.initializer]
    assert kinds.count(TensorProto.FLOAT16) >= 55 * 2  # weights and biases of all convolutions
    known = {each.name: each.type.tensor_type.elem_type for each in onnx.shape_inference.infer_shapes(model).graph.value_info}
    for node in model.graph.node:
        if node.op_type in {"TopK", "Sigmoid", "Exp", "GatherElements"}:
            assert known[node.output[0]] == TensorProto.FLOAT, node.op_type
        if node.op_type == "Conv":
            assert known[node.output[0]] == TensorProto.FLOAT16
    picture = np.random.default_rng(1).integers(0, 256, (1, *lessons.SIZE, 3)).astype(np.uint8)
    whole, half = (OnnxEngine(each).run(picture)[0] for each in (graph, data))
    assert half.dtype == np.float32
    assert np.abs(np.sort(whole[0, :, 4]) - np.sort(half[0, :, 4])).max() < 0.02


def test_what_a_half_float_does_not_hold_is_refused(graph: bytes, tmp_path: Path) -> None:
    model = onnx.load_model_from_string(graph)
    used = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    weight = next(each for each in model.graph.initializer if each.name in used)
    large = numpy_helper.to_array(weight) * 1e7
    weight.CopyFrom(numpy_helper.from_array(large, weight.name))
    with pytest.raises(BundleError, match=f"weight {re.escape(weight.name)} reaches"):
        to_fp16(model.SerializeToString())
    trained = lessons.trained(tmp_path, 2, 1)
    assert 1 < largest_value(graph, trained.input, trained.lesson.train) < 1000
    check_range(30_000)
    for value in (40_000, float("inf"), float("nan")):
        with pytest.raises(BundleError, match="half float ends at"):
            check_range(value)


def test_operators_that_say_themselves_what_they_give_give_half_floats_too() -> None:
    """As transformers have it: the root of a size they ask the graph for, and a filling of a shape."""
    filling = numpy_helper.from_array(np.array([0.5], np.float32))
    nodes = [
        helper.make_node("Relu", ["x"], ["v0"], name="n0"),
        helper.make_node("Shape", ["v0"], ["v1"], name="n1"),
        helper.make_node("Cast", ["v1"], ["v2"], name="n2", to=TensorProto.FLOAT),
        helper.make_node("Sqrt", ["v2"], ["v3"], name="n3"),
        helper.make_node("ReduceMax", ["v3"], ["v4"], name="n4", keepdims=0),
        helper.make_node("Div", ["v0", "v4"], ["v5"], name="n5"),
        helper.make_node("ConstantOfShape", ["v1"], ["v6"], name="n6", value=filling),
        helper.make_node("Add", ["v5", "v6"], ["v7"], name="n7"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", "v7")]
    graph = helper.make_graph(nodes, "root", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    x = np.array([[-3.0, 0.5, 4.0, 7.0]], np.float32)
    np.testing.assert_allclose(OnnxEngine(halved(model, ()).SerializeToString()).run(x)[0], [[0.5, 0.75, 2.5, 4.0]], rtol=0.01)


def test_an_operator_that_takes_no_half_floats_is_a_refusal_with_its_name() -> None:
    nodes = [helper.make_node("NonMaxSuppression", ["x", "y"], ["v0"], name="n0")]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4]),
    ]
    chosen = helper.make_tensor_value_info("v0", TensorProto.INT64, ["n", 3])
    model = helper.make_model(
        helper.make_graph(nodes, "chosen", ends, [chosen]), opset_imports=[helper.make_opsetid("", 17)], ir_version=10
    )
    with pytest.raises(BundleError, match=r"NonMaxSuppression.*ship float32"):
        halved(model, ())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["Relu", "Abs", "Add", "Neg"]), min_size=1, max_size=8), st.data())
def test_any_chain_halved_in_any_places_is_a_graph_that_counts_nearly_the_same(operators: list[str], data: st.DataObject) -> None:
    nodes, names = [], ["x"]
    for number, operator in enumerate(operators):
        sources = [data.draw(st.sampled_from(names)) for _ in range(2 if operator == "Add" else 1)]
        nodes.append(helper.make_node(operator, sources, [f"v{number}"], name=f"n{number}"))
        names.append(f"v{number}")
    apart = data.draw(st.sets(st.sampled_from([node.name for node in nodes])))
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", names[-1])]
    chain = helper.make_model(
        helper.make_graph(nodes, "chain", value[:1], value[1:]), opset_imports=[helper.make_opsetid("", 17)], ir_version=10
    )
    x = np.array([[-3.0, -0.5, 0.25, 7.0]], np.float32)
    whole, half = (OnnxEngine(each.SerializeToString()).run(x)[0] for each in (chain, halved(chain, apart)))
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, whole, rtol=0.01, atol=0.01)


figures = st.builds(ExportedFigures, ap=st.none() | st.floats(0, 1), answers=st.integers(0, 1000))


@given(figures, figures, st.floats(0, 0.5))
def test_nothing_passes_that_loses_more_or_does_not_answer(form: ExportedFigures, whole: ExportedFigures, most: float) -> None:
    whole = whole.model_copy(update={"ap": whole.ap or 0.5})
    passes = not why_not("int8", form, whole, most)
    assert whole.ap is not None
    if passes:
        assert form.ap is not None
        assert whole.ap - form.ap <= most + 1e-6
        assert form.answers >= 0.1 * whole.answers
    elif form.ap is not None and form.answers >= whole.answers:
        assert whole.ap - form.ap > most - 1e-6


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_difference_either_way_refuses(before: float, after: float) -> None:
    pair = ExportedFigures(ap=before), ExportedFigures(ap=after)
    if abs(before - after) <= 0.002:
        check_equal(*pair, 0.002)
        return
    with pytest.raises(BundleError, match=f"{after:.4f}, of the trained network {before:.4f}"):
        check_equal(*pair, 0.002)


def test_an_ap_that_cannot_be_counted_is_no_equality() -> None:
    with pytest.raises(ConfigError, match="no AP"):
        check_equal(ExportedFigures(), ExportedFigures(), 0.002)


@pytest.mark.soak
def test_the_other_exporter_gives_an_equal_graph() -> None:
    made = graph_of(lessons.network(), lessons.SIZE, "dynamo")
    assert made.exporter == "dynamo"
    assert b"site-packages" not in made.data
    assert b"network.py" not in made.data
    for size in (lessons.SIZE, (96, 160)):
        check_same(Answer(lessons.network()), made.data, size)


def test_a_picture_with_fewer_places_than_answers_is_said_before_any_exporter_fails() -> None:
    with pytest.raises(ConfigError, match="64x64 has 64 places for a box, and 100 are ranked"):
        graph_of(lessons.network(), (64, 64))


def test_where_one_exporter_fails_the_next_is_taken(tmp_path: Path) -> None:
    tried = []

    def fails(network: Network, size: tuple[int, int]) -> bytes:
        tried.append(size)
        raise ValueError("this exporter was taken out of PyTorch")

    before = dict(EXPORTERS)
    try:
        EXPORTERS.update(torchscript=fails, dynamo=before["torchscript"])
        assert graph_of(lessons.network(), lessons.SIZE).exporter == "dynamo"
        EXPORTERS.update(dynamo=fails)
        with pytest.raises(BundleError, match=r"could be made \(torchscript: ValueError: this exporter .*; dynamo: "):
            graph_of(lessons.network(), lessons.SIZE)
    finally:
        EXPORTERS.update(before)
    assert len(tried) == 3


@pytest.mark.skipif(importlib.util.find_spec("litert_torch") is not None, reason="the extra tflite is installed")
def test_without_the_extra_tflite_says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"litert_torch is not installed; pip install 'vedette\[trainer,tflite\]'"):
        export_trained(lessons.trained(tmp_path / "a", 1, 2), tmp_path / "run", ["tflite"])


@pytest.mark.skipif(importlib.util.find_spec("litert_torch") is None, reason="the extra tflite is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(900)
def test_tflite_answers_as_the_network_does(tmp_path: Path) -> None:
    made = export_trained(lessons.trained(tmp_path / "a", 2, 12), tmp_path / "run", ["tflite"])
    file = made.files[1]
    assert file.state == "good", file.why
    assert file.ap_loss is not None
    assert abs(file.ap_loss) <= 0.002
    assert (tmp_path / "run" / "model.tflite").read_bytes()[4:8] == b"TFL3"
