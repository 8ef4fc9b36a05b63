"""Models made elsewhere: each layout is found out, what is hostile or unknown is refused with a reason."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from contracts.errors import BundleError, ConfigError
from tests.trainer import models
from trainer.convert import tflite_to_onnx
from trainer.importer import Origin, import_model, look, read_labels
from trainer.intake import read_onnx
from trainer.proposal import Wishes, propose
from vision.bundle import read_bundle
from vision.detector import open_detector
from vision.golden import check_golden

THREE = ("car", "person", "dog")
FOUR = ("car", "person", "dog", "cat")  # so that an SSD's scores are not as wide as its boxes


def picture(folder: Path) -> Path:
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    path = folder / "street.png"
    cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize(
    ("answers", "kind", "options"),
    [
        ([models.yolo_v8()], "yolo", {"variant": "v8"}),
        ([models.yolo_v8().transpose(0, 2, 1)], "yolo", {"variant": "v8"}),
        ([models.yolo_v5()], "yolo", {"variant": "v5"}),
        ([models.end2end()], "end2end", {}),
        (models.ssd(4), "ssd", {"boxes_output": 0, "scores_output": 1, "scores": "logits"}),
        (models.ssd(4)[::-1], "ssd", {"boxes_output": 1, "scores_output": 0, "scores": "logits"}),
    ],
    ids=["v8", "v8 turned", "v5", "end2end", "ssd", "ssd turned"],
)
def test_each_layout_becomes_a_bundle_that_finds_the_box(
    tmp_path: Path, answers: list[np.ndarray], kind: str, options: dict[str, object]
) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(models.constant(answers).SerializeToString())
    shown = picture(tmp_path)
    said: list[str] = []
    golden = {"street.png": shown.read_bytes()}
    wishes = Wishes(labels=FOUR if kind == "ssd" else THREE)
    made = import_model(path, tmp_path / "out" / "mine", "mine", wishes, Origin("MIT", "a friend"), golden, said.append)
    assert made.bundle.manifest.head.kind == kind
    assert made.bundle.manifest.head.options == options
    found, labels = look(made.bundle, shown, tmp_path / "out" / "seen.jpg")
    assert [labels[i] for i in found.class_id] == ["person"]
    if kind != "ssd":
        assert np.allclose(found.xyxy, [[20, 10, 40, 50]], atol=0.1)
    assert (tmp_path / "out" / "seen.jpg").stat().st_size > 0
    stored = read_bundle(tmp_path / "out" / "mine")
    detector = open_detector(stored)
    assert check_golden(detector, stored).boxes == 1
    detector.close()
    assert b"MIT" in stored.read("CARD.md")
    assert any(kind in line for line in said)


def test_names_written_into_the_file_are_the_labels() -> None:
    proposal = propose(models.constant([models.yolo_v8()], names="{0: 'car', 1: 'person', 2: 'dog'}"), Wishes())
    assert proposal.labels == THREE
    assert not any("--labels" in note for note in proposal.notes)


@pytest.mark.parametrize("names", ["__import__('os').system('true')", "{0: 'car'", "[]", "7"])
def test_names_that_are_no_list_are_not_believed(names: str) -> None:
    proposal = propose(models.constant([models.yolo_v8()], names=names), Wishes())
    assert proposal.labels == ("class0", "class1", "class2")
    assert any("--labels" in note for note in proposal.notes)


def test_boxes_that_are_shares_of_the_picture_are_seen_to_be() -> None:
    shares = models.end2end()
    shares[0, 0, :4] /= 100
    assert propose(models.constant([shares]), Wishes(labels=THREE)).head.options == {"units": "share"}


def test_inputs_of_any_layout_and_type_are_read() -> None:
    wide = propose(models.constant([models.end2end()], (1, "h", "w", 3), "uint8"), Wishes(labels=THREE, size=(256, 320)))
    assert (wide.input.layout, wide.input.dtype, wide.input.size, wide.input.multiple) == ("nhwc", "uint8", (256, 320), 32)
    assert wide.input.std == (1.0, 1.0, 1.0)
    plain = propose(models.constant([models.end2end()], (1, 3, 64, 96), "float16"), Wishes(labels=THREE, mean=(1, 2, 3), std=(4, 5, 6)))
    assert (plain.input.layout, plain.input.dtype, plain.input.size, plain.input.multiple) == ("nchw", "float16", (64, 96), None)
    assert (plain.input.mean, plain.input.std) == ((1, 2, 3), (4, 5, 6))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (models.constant([models.end2end()], (1, 3, 64)), "not a picture"),
        (models.constant([models.end2end()], (1, 4, 64, 96)), "no 3 colours"),
        (models.constant([models.end2end()], (1, 3, 64, 96), "int64"), "not a picture"),
        (models.constant([np.zeros((1, 10), np.float32)]), r"\(1, 10\).* no layout we read"),
        (models.constant([np.zeros((2, 7, 84), np.float32)]), "no layout we read"),
    ],
    ids=["three dimensions", "four colours", "integers", "a classifier", "two pictures"],
)
def test_what_is_no_detector_we_read_is_refused(model: onnx.ModelProto, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        propose(model, Wishes(labels=THREE))


def test_wrong_labels_and_sizes_are_the_owners_to_mend(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"with 2 labels .* correct --labels"):
        propose(models.constant([models.yolo_v8()]), Wishes(labels=("a", "b")))
    with pytest.raises(ConfigError, match="takes 96x64 pixels only"):
        propose(models.constant([models.end2end()]), Wishes(labels=THREE, size=(640, 640)))
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(ConfigError, match="no names in it"):
        read_labels(tmp_path / "empty.txt")
    with pytest.raises(ConfigError, match=r"gone\.txt: cannot be read"):
        read_labels(tmp_path / "gone.txt")


def test_weights_in_another_file_are_refused() -> None:
    model = models.constant([models.end2end()])
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    with pytest.raises(BundleError, match="in another file"):
        read_onnx(model.SerializeToString())


def test_weights_in_another_file_are_found_inside_a_branch() -> None:
    inner = models.constant([models.end2end()])
    tensor = inner.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    model = models.constant([models.end2end()])
    node = helper.make_node("If", ["zero"], ["branch"], then_branch=inner.graph, else_branch=inner.graph)
    model.graph.node.append(node)
    with pytest.raises(BundleError, match="in another file"):
        read_onnx(model.SerializeToString())


def test_operators_of_others_are_refused() -> None:
    model = models.constant([models.end2end()])
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(BundleError, match=r"operators of com\.example"):
        read_onnx(model.SerializeToString())


def test_a_graph_that_does_not_hold_together_is_refused() -> None:
    model = models.constant([models.end2end()])
    model.graph.node[1].input[0] = "nowhere"
    with pytest.raises(BundleError, match="does not hold together"):
        read_onnx(model.SerializeToString())


@given(st.binary(max_size=400))
@settings(max_examples=60)
def test_rubbish_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(BundleError):
        read_onnx(data)


def test_a_cut_file_is_refused() -> None:
    data = models.constant([models.end2end()]).SerializeToString()
    with pytest.raises(BundleError):
        read_onnx(data[: len(data) // 2])


def test_what_is_not_tflite_is_not_given_to_the_converter() -> None:
    with pytest.raises(BundleError, match="not a TFLite file"):
        tflite_to_onnx(b"PK\x03\x04something", print)
