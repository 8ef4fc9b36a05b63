"""The classifier as the box and the trainer use it: a bundle opened, a picture in, how likely each label is out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from contracts.errors import BundleError
from tests.vision.bundles import png
from tests.vision.models import constant, model
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle
from vision.classify import open_classifier
from vision.detector import open_detector
from vision.golden_scores import check_scores, golden_scores
from vision.heads.softmax import Softmax, SoftmaxOptions
from vision.planes import BgrPlanes
from vision.tryout import try_bundle

LABELS = ["blue", "green", "red"]
FIELDS: dict[str, Any] = {
    "name": "main-colour", "version": "1.0.0", "task": "classify", "labels": LABELS, "head": {"kind": "softmax"}, "min_confidence": 0.6,
    "input": {"name": "image", "size": (32, 48), "fit": "stretch", "color": "bgr"}, "license": "Apache-2.0",
}  # fmt: skip


def main_colour() -> bytes:
    """uint8 NHWC in; the mean of each channel, a tenth of it, is the score of its label."""
    nodes = [
        helper.make_node("Cast", ["image"], ["value"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["value"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["mean", "tenth"], ["scores"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 32, 48, 3])
    return model(nodes, [image], [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])], {"tenth": np.array(0.1, np.float32)})


def colour_bundle(path: Path, graph: bytes | None = None, files: dict[str, bytes] | None = None, **fields: Any) -> StoredBundle:
    contents: dict[str, bytes | Path] = {"model.onnx": graph or main_colour(), "CARD.md": b"# Main colour\n", **(files or {})}
    return write_bundle(path, {**FIELDS, **fields}, contents)


def painted(blue: int, green: int, red: int, size: tuple[int, int] = (90, 160)) -> np.ndarray[Any, Any]:
    return np.full((*size, 3), (blue, green, red), np.uint8)


@pytest.mark.parametrize(("color", "label"), [((200, 30, 30), "blue"), ((30, 200, 30), "green"), ((30, 30, 200), "red")])
@pytest.mark.parametrize("size", [(1080, 1920), (48, 32), (7, 5)])
def test_the_likeliest_label_is_that_of_the_picture_whatever_its_size(
    tmp_path: Path, color: tuple[int, int, int], label: str, size: tuple[int, int]
) -> None:
    answer = open_classifier(colour_bundle(tmp_path / "b.vdb")).classify(BgrPlanes(painted(*color, size=size)))
    assert answer.status == "ok" and LABELS[int(answer.scores.argmax())] == label
    assert answer.scores.sum() == pytest.approx(1, abs=1e-5) and answer.scores.max() > 0.99


def test_it_knows_which_bundle_it_is_and_what_decides_its_answers(tmp_path: Path) -> None:
    bundle = colour_bundle(tmp_path / "b")
    made = open_classifier(bundle)
    assert (made.name, made.version, made.digest, made.labels) == ("main-colour", "1.0.0", bundle.digest, tuple(LABELS))
    assert made.fingerprint["classifier"] == bundle.digest and "onnx" in made.fingerprint["classifier_engine"]


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3))
def test_scores_become_likelihoods_however_large_they_are(scores: list[float]) -> None:
    likely = Softmax(3, SoftmaxOptions())([np.array([scores], np.float32)])
    assert likely is not None and np.isfinite(likely).all() and likely.sum() == pytest.approx(1, abs=1e-5)
    assert likely.argmax() == np.float32(scores).argmax() or likely.max() == pytest.approx(likely[np.float32(scores).argmax()])


def test_a_graph_that_ends_in_a_softmax_is_taken_at_its_word(tmp_path: Path) -> None:
    graph = constant([np.array([[0.1, 0.7, 0.2]], np.float32)])
    bundle = colour_bundle(tmp_path / "b", graph, head={"kind": "softmax", "options": {"scores": "probabilities"}})
    assert open_classifier(bundle).classify(BgrPlanes(painted(9, 9, 9))).scores.tolist() == pytest.approx([0.1, 0.7, 0.2])


@pytest.mark.parametrize(
    ("fields", "outputs", "message"),
    [
        ({"task": "detect"}, [[0.1, 0.2, 0.3]], "is for detect with head softmax, not for classify with head softmax"),
        ({"head": {"kind": "end2end"}}, [[0.1, 0.2, 0.3]], "is for classify with head end2end"),
        ({"head": {"kind": "softmax", "options": {"scores": "odds"}}}, [[0.1, 0.2, 0.3]], "head softmax: .+; correct head.options"),
        ({"head": {"kind": "softmax", "options": {"output": 1}}}, [[0.1, 0.2, 0.3]], r"expected \(1, 3\) as output 1"),
        ({}, [[0.1, 0.2]], r"expected \(1, 3\) as output 0, got \(1, 2\)"),
        ({}, [[0.1, float("nan"), 0.3]], "gave what is no number"),
        ({"input": {"name": "picture", "size": (32, 48)}}, [[0.1, 0.2, 0.3]], "is named image, not picture"),
    ],
)
def test_a_bundle_of_another_kind_is_refused_when_it_is_opened(
    tmp_path: Path, fields: dict[str, Any], outputs: list[list[float]], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        open_classifier(colour_bundle(tmp_path / "b", constant([np.array(outputs, np.float32)]), **fields))


def test_a_detector_is_not_made_of_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is for classify, not for detect"):
        open_detector(colour_bundle(tmp_path / "b"))


def test_an_engine_that_fails_gives_no_answer_and_says_why(tmp_path: Path) -> None:
    made = open_classifier(colour_bundle(tmp_path / "b"))
    made.engine.close()
    for count in (1, 2):
        answer = made.classify(BgrPlanes(painted(200, 30, 30)))
        assert (answer.status, len(answer.scores), made.failures) == ("error", 0, count) and "closed" in made.reason


PICTURES = {"golden/blue.png": png(painted(90, 60, 60)), "golden/even.png": png(painted(60, 62, 60))}


def test_golden_scores_written_down_are_given_again_and_others_refused(tmp_path: Path) -> None:
    draft = open_classifier(colour_bundle(tmp_path / "draft"))
    golden = [golden_scores(draft, data, name).model_dump() for name, data in PICTURES.items()]
    final = colour_bundle(tmp_path / "final", files=PICTURES, golden_scores=golden)
    check_scores(open_classifier(final), final)
    try_bundle(final, golden=True)
    golden[1]["scores"] = [golden[1]["scores"][1], golden[1]["scores"][0], golden[1]["scores"][2]]
    wrong = colour_bundle(tmp_path / "wrong", files=PICTURES, golden_scores=golden)
    with pytest.raises(BundleError, match=r"golden golden/even\.png on onnx: (blue|green) has 0\.\d+, expected 0\.\d+ within 0\.01; keep"):
        try_bundle(wrong, golden=True)


@pytest.mark.parametrize(("scores", "message"), [([0.5, 0.5], "one for each label"), ([0.5, 0.4, 1.1], "less than or equal to 1")])
def test_golden_scores_that_cannot_be_are_refused(tmp_path: Path, scores: list[float], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        colour_bundle(tmp_path / "b", files=PICTURES, golden_scores=[{"image": "golden/blue.png", "scores": scores}])


def test_golden_pictures_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    made = open_classifier(colour_bundle(tmp_path / "b"))
    with pytest.raises(BundleError, match=r"golden x\.png"):
        golden_scores(made, b"no picture", "x.png")
