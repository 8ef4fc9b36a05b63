"""Attacks by a network: operators, weights and shapes that nobody should run; each ends in its refusal, and the old model serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.device.update.attacks import rejected
from tests.device.update.box import TestBox, a_box, bundle, golden_prover
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from tests.vision.models import white_box
from vision.bundle import StoredBundle

pytestmark = pytest.mark.usefixtures("old_model_serves")


def hostile(what: str) -> bytes:
    proto = onnx.load_model_from_string(white_box())
    if what == "operators of somebody's":
        proto.graph.node[0].domain = "com.evil"
        proto.opset_import.append(helper.make_opsetid("com.evil", 1))
    if what == "weights in another file":
        tensor = proto.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")
        tensor.ClearField("raw_data")
    if what == "a shape that no box holds":
        huge = numpy_helper.from_array(np.zeros(1, np.float32), "huge")
        huge.dims[:] = [1 << 20, 1 << 20]
        proto.graph.initializer.append(huge)
    if what == "more weights than bytes":
        proto.graph.initializer[0].dims[:] = [1 << 20]
    if what == "graphs within graphs":
        inner = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", [], [])
        for _ in range(20):
            inner = helper.make_graph([helper.make_node("If", ["c"], ["b"], then_branch=inner, else_branch=inner)], "g", [], [])
            break
        for _ in range(20):
            node = helper.make_node("If", ["c"], ["b"])
            node.attribute.append(helper.make_attribute("then_branch", inner))
            inner = helper.make_graph([node], "g", [], [])
        proto.graph.node.append(helper.make_node("If", ["c"], ["b"], then_branch=inner))
    if what == "functions of its own":
        proto.functions.append(helper.make_function("com.evil", "F", ["a"], ["b"], [], []))
    if what == "no ONNX":
        return b"\x7fELF" + bytes(100)
    return bytes(proto.SerializeToString())


HOSTILE = {
    "operators of somebody's": "'com.evil', which are not ONNX's own", "weights in another file": "has weights in another file",
    "a shape that no box holds": "which no box holds", "more weights than bytes": "says it has 1048576 numbers, and has",
    "graphs within graphs": "has graphs within graphs", "functions of its own": "carries functions", "no ONNX": "is no ONNX file",
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_network_with(tmp_path: Path, repository: Repository, box: TestBox, what: str) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=hostile(what)))
    repository.publish()
    rejected(box, repository.assign(model), "E_HOSTILE")
    assert HOSTILE[what] in box.last.words  # by the check that is meant for it, and not by chance


def test_a_shape_that_is_huge_only_when_it_runs_ends_with_its_child(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    proto = onnx.load_model_from_string(white_box())
    proto.graph.initializer.append(numpy_helper.from_array(np.array([1 << 20, 1 << 14], np.int64), "vast"))
    proto.graph.node.append(helper.make_node("ConstantOfShape", ["vast"], ["filled"]))
    proto.graph.output.append(helper.make_tensor_value_info("filled", TensorProto.FLOAT, ["a", "b"]))
    model = repository.release(bundle(tmp_path / "v2.vdb", model=bytes(proto.SerializeToString())))
    repository.publish()
    with a_box(tmp_path / "real", repository, factory, served.url, prover=golden_prover()) as box:
        rejected(box, repository.assign(model), "E_BUDGET")
        assert box.current == factory.digest
