"""The detector as the box and the trainer use it: a bundle opened, pictures in, boxes in their pixels out."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.errors import BundleError, ConfigError, HardwareError
from tests.vision.bundles import scene, white_box_bundle
from tests.vision.models import constant, times_two, white_box
from vision.detector import Detector, confidence_floors, open_detector
from vision.planes import BgrPlanes

BOX = (400, 300, 900, 700)


def detector(path: Path, model: bytes | None = None, opening: dict[str, Any] | None = None, **fields: Any) -> Detector:
    return open_detector(white_box_bundle(path / "bundle", model, **fields), **(opening or {}))


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1080, 1920), (1280, 1280), (1000, 800)])
@pytest.mark.parametrize("fit", [{"multiple": 32}, {"multiple": None}, {"multiple": None, "fit": "stretch"}])
def test_a_box_is_found_where_it_is(tmp_path: Path, width: int, height: int, fit: dict[str, Any]) -> None:
    spec = {"name": "image", "size": (320, 320), **fit}
    found = detector(tmp_path, input=spec).detect(BgrPlanes(scene(width, height, BOX)))
    assert found.status == "ok" and found.class_id.tolist() == [0] and found.confidence.tolist() == [1.0]
    pixel = max(width, height) / 320  # one of the input, in pixels of the picture
    assert np.abs(found.xyxy[0] - BOX).max() <= 1.5 * pixel
    assert found.xyxy.dtype == np.float32


def test_an_empty_scene_is_an_answer(tmp_path: Path) -> None:
    found = detector(tmp_path).detect(BgrPlanes(scene(640, 480, None)))
    assert len(found) == 0 and found.status == "ok"


def test_it_knows_which_bundle_it_is(tmp_path: Path) -> None:
    bundle = white_box_bundle(tmp_path / "b.vdb")
    made = open_detector(tmp_path / "b.vdb")
    assert made.digest == bundle.digest and made.labels == ("box",)
    assert (made.name, made.version) == ("white-box", "1.0.0")
    assert made.input_shape(1920, 1080) == (64, 96)
    assert made.engine.fingerprint["engine"] == "onnx"


def test_boxes_are_cut_at_the_edges_of_the_picture_and_those_in_the_bars_go(tmp_path: Path) -> None:
    rows = np.array([[[-50, -50, 30, 60, 0.9, 0], [0, 0, 64, 10, 0.9, 0], [0, 60, 64, 70, 0.9, 0]]], np.float32)
    made = detector(tmp_path, constant([rows]), input={"name": "image", "size": (64, 64)})
    found = made.detect(BgrPlanes(scene(640, 320, None)))  # drawn 64x32 at (0, 16): the last two lie in the bars
    assert found.xyxy.tolist() == [[0, 0, 300, 320]]


def three_classes(path: Path, **opening: Any) -> list[tuple[int, float]]:
    rows = np.array([[[5, 5, 20, 20, 0.8, 0], [5, 5, 20, 20, 0.6, 1], [5, 5, 20, 20, 0.4, 2]]], np.float32)
    bundle = white_box_bundle(
        path, constant([rows]), labels=["person", "car", "dog"], min_confidence=0.5, class_confidence={"dog": 0.3, "person": 0.9}
    )
    found = open_detector(bundle, **opening).detect(BgrPlanes(scene(96, 64, None)))
    return list(zip(found.class_id.tolist(), found.confidence.round(3).tolist(), strict=True))


def test_each_class_has_its_floor_and_the_owner_may_move_it(tmp_path: Path) -> None:
    assert [number for number, _ in three_classes(tmp_path / "b")] == [1, 2]
    assert [number for number, _ in three_classes(tmp_path / "b", min_confidence=0.7)] == [0]
    assert [number for number, _ in three_classes(tmp_path / "b", class_confidence={"car": 0.7, "person": 0.1})] == [0, 2]
    assert [number for number, _ in three_classes(tmp_path / "b", wanted=["dog"])] == [2]


@pytest.mark.parametrize("opening", [{"wanted": ["cat"]}, {"class_confidence": {"cat": 0.5}}])
def test_a_class_the_bundle_does_not_have_is_the_owners_mistake(tmp_path: Path, opening: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="has no class cat; correct the name, its labels are box"):
        detector(tmp_path, opening=opening)


def test_floors_without_a_word_from_the_owner_are_the_bundles(tmp_path: Path) -> None:
    manifest = white_box_bundle(tmp_path / "b", labels=["a", "b"], class_confidence={"b": 0.25}).manifest
    assert confidence_floors(manifest, None, {}, None).tolist() == [np.float32(0.9), 0.25]


@pytest.mark.parametrize(
    ("opening", "message"),
    [
        ({"engine": "onxx"}, "engine onxx: not known; choose one of onnx, tensorrt"),
        ({"options": {"graph_levle": "all"}}, "engine onnx: option graph_levle"),
        ({"options": {"providers": ["NoSuchProvider"]}}, "no provider NoSuchProvider in this ONNX Runtime"),
    ],
)
def test_a_wrong_engine_is_the_owners_mistake(tmp_path: Path, opening: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        detector(tmp_path, opening=opening)


def test_a_size_of_the_owners_is_used(tmp_path: Path) -> None:
    assert detector(tmp_path, opening={"size": (320, 320)}).input_shape(1920, 1080) == (192, 320)


@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        (b"no model at all", {}, "the model cannot be loaded"),
        (None, {"head": {"kind": "yolo"}}, r"gives no answer on onnx: head yolo: expected \(1, 5, N\)"),
        (None, {"head": {"kind": "nonsense"}}, "head nonsense: not known"),
        (None, {"input": {"name": "picture", "size": (64, 96)}}, "the model's input is named image, not picture"),
        (white_box(64, 64), {}, r"input image takes uint8\[1, 64, 64, 3\], got uint8\[1, 64, 96, 3\]"),
        (times_two(), {}, r"input image takes float32\[1, 3, any, any\], got uint8"),
    ],
)
def test_a_model_that_is_not_what_its_bundle_says_is_refused_when_opened(
    tmp_path: Path, model: bytes | None, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        detector(tmp_path, model, **fields)


class Failing:
    """An engine whose runs fail in the way asked for."""

    def __init__(self, made: Detector, error: Exception) -> None:
        self.name, self.inputs, self.outputs = made.engine.name, made.engine.inputs, made.engine.outputs
        self.fingerprint = made.engine.fingerprint
        self.error = error

    def run(self, tensor: Any) -> list[Any]:
        raise self.error

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("error", "status"), [(TimeoutError("late"), "timeout"), (HardwareError("gone"), "error"), (BundleError("shape"), "error")]
)
def test_no_answer_is_a_status_and_is_counted(
    tmp_path: Path, error: Exception, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = detector(tmp_path)
    made.engine = Failing(made, error)
    for _ in range(3):
        found = made.detect(BgrPlanes(scene(64, 64, (1, 1, 30, 30))))
        assert found.status == status and len(found) == 0
    assert (made.failures, made.reason) == (3, str(error))
    assert [record.message for record in caplog.records] == ["detector gave no answer"]


def test_a_bug_in_our_own_code_is_not_hidden_as_a_status(tmp_path: Path) -> None:
    made = detector(tmp_path)
    made.engine = Failing(made, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        made.detect(BgrPlanes(scene(64, 64, None)))


def test_a_closed_detector_gives_no_answer(tmp_path: Path) -> None:
    made = detector(tmp_path)
    made.close()
    assert made.detect(BgrPlanes(scene(64, 64, (1, 1, 30, 30)))).status == "error"


def test_threads_share_one_detector(tmp_path: Path) -> None:
    made = detector(tmp_path, input={"name": "image", "size": (320, 320), "multiple": 32})
    wrong: list[str] = []

    def look(number: int) -> None:
        for step in range(25):
            x, y = 40 * number, 13 * step
            box = made.detect(BgrPlanes(scene(640, 360 + 32 * number, (x, y, x + 40, y + 40)))).xyxy[0]
            if np.abs(box - (x, y, x + 40, y + 40)).max() > 3:
                wrong.append(f"thread {number} step {step}: {box}")

    threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
