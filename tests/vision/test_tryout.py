"""A bundle tried in a process of its own: what a model does there happens there only."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from contracts.errors import BundleError, ConfigError, HardwareError
from tests.memory import at_most_mib
from tests.vision.bundles import png, scene, white_box_bundle
from tests.vision.models import white_box
from vision.bundle import read_bundle
from vision.tryout import Attempt, Limits, OverBudget, try_bundle

SPEC = {"name": "image", "size": (64, 96)}


def endless() -> bytes:
    """The end2end layout, after 2^62 rounds of adding one."""
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["going"]),
            helper.make_node("Add", ["sum", "one"], ["more"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 1, 6]),
        ],
        [helper.make_tensor_value_info("going", TensorProto.BOOL, []), helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 1, 6])],
        [one],
    )
    constants = [
        numpy_helper.from_array(np.array(1 << 62, np.int64), "rounds"),
        numpy_helper.from_array(np.array(True), "yes"),
        numpy_helper.from_array(np.zeros((1, 1, 6), np.float32), "begin"),
    ]
    loop = helper.make_node("Loop", ["rounds", "yes", "begin"], ["boxes"], body=body)
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 64, 96, 3])
    graph = helper.make_graph([loop], "g", [image], [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 1, 6])], constants)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())


def swelling(gib: int) -> bytes:
    """A tensor of so many GiB on the way to an answer."""
    constants = [
        numpy_helper.from_array(np.array([1, gib << 28, 1], np.int64), "shape"),
        numpy_helper.from_array(np.array([1], np.int64), "axis"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["seen"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["seen"], ["most"], keepdims=0),
        helper.make_node("Expand", ["most", "shape"], ["large"]),
        helper.make_node("ReduceMax", ["large"], ["out"], axes=[1], keepdims=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 64, 96, 3])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [image], [out], constants)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())


def test_a_good_bundle_passes_as_a_folder_and_as_a_file_wherever_this_process_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("good", "good.vdb"):
        white_box_bundle(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("raise SystemExit('a module of a stranger was run')")
    for name in ("good", "good.vdb"):
        try_bundle(read_bundle(Path(name)))


def test_a_model_that_never_answers_is_given_up_and_said_so(tmp_path: Path) -> None:
    bundle = white_box_bundle(tmp_path / "endless", endless(), input=SPEC)
    began = time.monotonic()
    with pytest.raises(BundleError, match=r"endless: gives no answer within 2 s; keep the old model, or allow more with model\.trial_s"):
        try_bundle(bundle, limits=Limits(seconds=2))
    assert time.monotonic() - began < 60


def test_it_ends_by_itself_when_who_waits_for_it_has_died(tmp_path: Path) -> None:
    """By the kernel's limit of CPU time."""
    path = str(white_box_bundle(tmp_path / "endless", endless(), input=SPEC).path)
    attempt = Attempt(path, "onnx", 1, False, None, asdict(Limits(seconds=0.5)))
    ended = subprocess.run([sys.executable, "-m", "vision.tryout"], input=json.dumps(asdict(attempt)), text=True, timeout=100, check=False)
    assert ended.returncode < 0


def test_a_model_that_swells_takes_no_memory_of_ours(tmp_path: Path) -> None:
    bundle = white_box_bundle(tmp_path / "large", swelling(8), input=SPEC)
    with at_most_mib(100), pytest.raises(BundleError, match=r"large: (gives no answer|the process that tried it|wants more memory)"):
        try_bundle(bundle)


def test_a_process_that_dies_is_a_bundle_that_is_refused(tmp_path: Path) -> None:
    """Before it could say anything: too little memory to begin with."""
    bundle = white_box_bundle(tmp_path / "good")
    with pytest.raises(BundleError, match=r"good: .*(the process that tried it|wants more memory).*model\.trial_memory_mb"):
        try_bundle(bundle, limits=Limits(memory_mib=16))


def test_what_opening_would_say_is_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"the model's input is named picture, not image; correct input\.name"):
        try_bundle(white_box_bundle(tmp_path / "named", white_box(name="picture")))
    with pytest.raises(ConfigError, match="engine abacus: not known"):
        try_bundle(white_box_bundle(tmp_path / "good"), "abacus")


def test_golden_pictures_are_answered_there_when_asked(tmp_path: Path) -> None:
    golden = {"image": "golden/a.png", "boxes": [[0, 0, 5, 5, 0.99, 0]]}
    bundle = white_box_bundle(tmp_path / "b", files={"golden/a.png": png(scene(96, 64, (20, 20, 60, 40)))}, golden=[golden])
    try_bundle(bundle)
    with pytest.raises(BundleError, match="golden"):
        try_bundle(bundle, golden=True)


def test_no_secret_of_this_process_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}
    real = subprocess.run

    def run(*args: object, **options: object) -> object:
        given.update(options["env"])  # type: ignore[call-overload]
        return real(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setenv("VEDETTE_MQTT__PASSWORD", "hunter2")
    monkeypatch.setattr(subprocess, "run", run)
    try_bundle(white_box_bundle(tmp_path / "good"))
    assert given and "hunter2" not in json.dumps(given)


@pytest.mark.skipif(find_spec("tensorrt") is not None, reason="there is a TensorRT here")
def test_hardware_that_fails_is_not_the_bundles_fault(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="TensorRT is not usable"):
        try_bundle(white_box_bundle(tmp_path / "good"), "tensorrt")


def test_figures_come_back_from_there(tmp_path: Path) -> None:
    golden = {"golden": [{"image": "golden/lit.png", "boxes": [[20, 10, 50, 40, 1.0, 0]]}], "golden_iou": 0.8}
    bundle = white_box_bundle(tmp_path / "good", None, {"golden/lit.png": png(scene(96, 64, (20, 10, 50, 40)))}, **golden)
    seen = try_bundle(bundle, golden=True, looks=30)
    assert (seen.pictures, seen.looks) == (1, 30)
    assert 0 < seen.p95_ms < 60_000
    assert 20 < seen.memory_mib < 2048
    assert seen.grown_mib < 100
    assert seen.difference <= 0.01


def test_what_wants_too_much_is_told_from_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(OverBudget):
        try_bundle(white_box_bundle(tmp_path / "endless", endless(), input=SPEC), limits=Limits(seconds=2))
    with pytest.raises(OverBudget):
        try_bundle(white_box_bundle(tmp_path / "large", swelling(8), input=SPEC))
    with pytest.raises(BundleError) as wrong:
        try_bundle(white_box_bundle(tmp_path / "garbage", b"no model"))
    assert not isinstance(wrong.value, OverBudget)
