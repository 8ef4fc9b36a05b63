"""A bundle from a stranger's memory stick: what is in it is refused by name, or harmless."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from contracts.errors import BundleError
from tests.memory import at_most_mib
from tests.scenarios.stage import config, film, run_vedette
from tests.vision.bundles import white_box_bundle
from tests.vision.models import white_box
from vision.bundle import MAX_MANIFEST_BYTES, read_bundle
from vision.detector import open_detector
from vision.engines.onnx import OnnxEngine


def spoilt(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A good bundle whose manifest somebody has changed."""
    path = white_box_bundle(folder / "b").path
    manifest = json.loads((path / "bundle.json").read_bytes())
    change(manifest)
    (path / "bundle.json").write_text(json.dumps(manifest))
    return path


FORGED = "person\n12:00:00 ERROR forged: the camera is off"
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a label that is two lines": lambda m: m.update(labels=[FORGED]),
    "a label that moves the cursor": lambda m: m.update(labels=["\x1b[2Jperson"]),
    "a label without a letter": lambda m: m.update(labels=[""]),
    "a label as long as a book": lambda m: m.update(labels=["x" * 101]),
    "a label that is no text": lambda m: m.update(labels=[{"a": 1}]),
    "an input of a gigabyte": lambda m: m["input"].update(size=[8192, 8192]),
    "an input without a side": lambda m: m["input"].update(size=[0, 96]),
    "a confidence that is no number": lambda m: m.update(min_confidence=float("nan")),
    "a deviation that is no number": lambda m: m["input"].update(std=[float("nan"), 1, 1]),
    "a mean that is endless": lambda m: m["input"].update(mean=[float("inf"), 1, 1]),
    "a path out of the bundle": lambda m: m["model"].update(path="../../etc/passwd"),
    "a path from the root": lambda m: m["model"].update(path="/etc/passwd"),
    "a path of two lines": lambda m: m["model"].update(path="model.onnx\n"),
    "a size that is negative": lambda m: m["model"].update(size=-1),
    "a size that no disk has": lambda m: m["model"].update(size=1 << 80),
    "a tolerance under a forged name": lambda m: m.update(golden_tolerance={FORGED: "x"}),
    "boxes that are no numbers": lambda m: m.update(golden=[{"image": "CARD.md", "boxes": [[float("nan")] * 5 + [0]]}]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_manifest_with_is_refused_in_one_line(tmp_path: Path, what: str) -> None:
    with pytest.raises(BundleError) as refused:
        read_bundle(spoilt(tmp_path, CHANGES[what]))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[" * 100_000, b'{"a":' * 50_000, b'{"format":1' + b"0" * 200_000 + b"}", b"\xff\xfe", b" " * (MAX_MANIFEST_BYTES + 1)],
    ids=["nothing", "null", "brackets", "braces", "a long number", "no text", "too long"],
)
def test_a_manifest_that_is_hardly_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = white_box_bundle(tmp_path / "b").path
    (path / "bundle.json").write_bytes(raw)
    with pytest.raises(BundleError):
        read_bundle(path)


def test_a_hundred_thousand_labels_are_too_long_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="more than"):
        read_bundle(spoilt(tmp_path, lambda m: m.update(labels=[f"l{n}" for n in range(100_000)])))


@pytest.mark.parametrize("option", ["iou", "min_confidence", "nonsense"])
def test_options_of_a_head_are_checked_like_any_other(tmp_path: Path, option: str) -> None:
    with pytest.raises(BundleError):
        open_detector(spoilt(tmp_path, lambda m: m["head"].update(options={option: float("nan")})))


def outside(location: str, *, constant: bool) -> bytes:
    """A model whose weights are in another file."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "48"}.items():
        weights.external_data.add(key=key, value=value)
    node = helper.make_node("Constant", [], ["out"], value=weights) if constant else helper.make_node("Identity", ["w"], ["out"])
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 8, 8, 3])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [3, 4])
    graph = helper.make_graph([node], "g", [image], [out], [] if constant else [weights])
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())


@pytest.mark.parametrize("constant", [False, True], ids=["weight", "constant"])
@pytest.mark.parametrize("location", ["weights.bin", "./weights.bin", "../weights.bin", "absolute", "/dev/zero", "/proc/self/environ"])
def test_weights_outside_of_the_model_are_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str, constant: bool
) -> None:
    """They were not verified, and could be any file of this box."""
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    for folder in (inner, tmp_path):
        (folder / "weights.bin").write_bytes(np.arange(12, dtype=np.float32).tobytes())
    where = str(tmp_path / "weights.bin") if location == "absolute" else location
    with pytest.raises(BundleError, match="cannot be loaded"):
        OnnxEngine(outside(where, constant=constant))


def test_operators_of_somebody_elses_library_are_refused() -> None:
    model = onnx.load_model_from_string(white_box())
    model.graph.node[0].domain = "evil.ops"
    model.opset_import.append(helper.make_opsetid("evil.ops", 1))
    with pytest.raises(BundleError, match="cannot be loaded"):
        OnnxEngine(model.SerializeToString())


def test_a_tensor_of_terabytes_is_an_error_of_the_model_not_the_end_of_the_box(tmp_path: Path) -> None:
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [1 << 20, 1 << 20])
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 64, 96, 3])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("ConstantOfShape", ["shape"], ["out"])], "g", [image], [out], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    bundle = white_box_bundle(tmp_path / "b", model, input={"name": "image", "size": (64, 96)})
    with at_most_mib(200), pytest.raises(BundleError, match="gives no answer"):
        open_detector(bundle)


def test_a_file_beside_the_manifest_that_is_a_link_or_a_pipe_is_refused(tmp_path: Path) -> None:
    path = white_box_bundle(tmp_path / "b").path
    model = (path / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(model)
    (path / "model.onnx").unlink()
    (path / "model.onnx").symlink_to(tmp_path / "model.onnx")
    with pytest.raises(BundleError, match="symbolic link"):
        read_bundle(path)
    (path / "model.onnx").unlink()
    os.mkfifo(path / "model.onnx")
    with pytest.raises(BundleError, match="not a plain file"):
        read_bundle(path)


def test_a_model_that_was_changed_after_it_was_checked_is_not_loaded(tmp_path: Path) -> None:
    bundle = white_box_bundle(tmp_path / "b")
    (bundle.path / "model.onnx").write_bytes(b"x" * bundle.manifest.model.size)
    assert hashlib.sha256(b"x" * bundle.manifest.model.size).hexdigest() != bundle.manifest.model.sha256
    with pytest.raises(BundleError, match="SHA-256"):
        open_detector(bundle)


def test_a_label_with_brackets_is_printed_as_it_stands(tmp_path: Path) -> None:
    """rich reads `[/x]` as the end of a colour that never began, and raises."""
    label = "[/x][red]person"
    white_box_bundle(tmp_path / "models" / "white", name="white", labels=[label], min_confidence=0.9)
    video = film(tmp_path / "film.mkv", visits=((1.0, 3.0),), seconds=5)
    stages = {"detect": {"bundle": "white"}, "confirm": {"labels": [label]}}
    device_yaml = config(tmp_path, {"use": "file", "path": str(video)}, pipeline=stages)
    done = run_vedette("replay", str(video), "--config", str(device_yaml), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{label} 1 appears" in done.stderr
