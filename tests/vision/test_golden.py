"""Golden answers: the same engine agrees, another answer is refused and told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.bundle import Golden
from contracts.errors import BundleError
from tests.vision.bundles import png, scene, white_box_bundle
from vision.bundle import StoredBundle
from vision.detector import Detector, open_detector
from vision.golden import check_golden, golden_answer

PICTURES = {"golden/box.png": png(scene(960, 640, (300, 200, 500, 400), 250)), "golden/none.png": png(scene(640, 480, None))}


def answered(path: Path) -> list[dict[str, Any]]:
    """What the detector says of the pictures, as the trainer writes it down."""
    draft = open_detector(white_box_bundle(path))
    return [golden_answer(draft, picture, name).model_dump() for name, picture in PICTURES.items()]


def bundle(path: Path, golden: list[dict[str, Any]], **fields: Any) -> tuple[Detector, StoredBundle]:
    stored = white_box_bundle(path, files=PICTURES, golden=golden, **fields)
    return open_detector(stored), stored


def test_an_answer_written_down_is_given_again(tmp_path: Path) -> None:
    golden = answered(tmp_path / "draft")
    assert [len(expected["boxes"]) for expected in golden] == [1, 0]
    report = check_golden(*bundle(tmp_path / "final.vdb", golden))
    assert (report.pictures, report.boxes) == (2, 1)
    assert report.largest_difference < 1e-3 and report.least_iou > 0.999


def test_a_bundle_without_golden_pictures_has_nothing_to_disagree_with(tmp_path: Path) -> None:
    stored = white_box_bundle(tmp_path / "b")
    assert check_golden(open_detector(stored), stored).pictures == 0


def edited(change: Callable[[list[list[Any]]], None]) -> Callable[[list[dict[str, Any]]], None]:
    def edit(golden: list[dict[str, Any]]) -> None:
        golden[0]["boxes"] = [list(box) for box in golden[0]["boxes"]]
        change(golden[0]["boxes"])

    return edit


def less_sure(boxes: list[list[Any]]) -> None:
    boxes[0][4] -= 0.05


def moved(boxes: list[list[Any]]) -> None:
    boxes[0][0] += 100


def one_more(boxes: list[list[Any]]) -> None:
    boxes.append([600, 100, 700, 200, 0.95, 0])


def twice(boxes: list[list[Any]]) -> None:
    boxes.append(boxes[0])


def one_less(boxes: list[list[Any]]) -> None:
    boxes.clear()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (less_sure, r"box at \(\d+, \d+, \d+, \d+\) has 0\.980, expected 0\.930 within 0\.01"),
        (moved, r"box at \(\d+, \d+, \d+, \d+\) with 0\.980 was not found"),
        (one_more, r"box at \(600, 100, 700, 200\) with 0\.950 was not found"),
        (twice, r"box at \(\d+, \d+, \d+, \d+\) with 0\.980 was not found"),
        (one_less, r"box at \[\d+, \d+, \d+, \d+\] with 0\.980 is not expected"),
    ],
)
def test_another_answer_is_refused(tmp_path: Path, change: Callable[[list[list[Any]]], None], message: str) -> None:
    golden = answered(tmp_path / "draft")
    edited(change)(golden)
    with pytest.raises(BundleError, match=rf"golden/box\.png on onnx: {message}; keep the old model"):
        check_golden(*bundle(tmp_path / "final", golden))


def test_each_engine_has_its_tolerance(tmp_path: Path) -> None:
    golden = answered(tmp_path / "draft")
    edited(less_sure)(golden)
    check_golden(*bundle(tmp_path / "wide", golden, golden_tolerance={"onnx": 0.06}))
    with pytest.raises(BundleError, match="states no golden_tolerance for engine onnx, only for tensorrt"):
        check_golden(*bundle(tmp_path / "other", golden, golden_tolerance={"tensorrt": 0.06}))


def test_a_box_near_its_floor_may_come_or_go(tmp_path: Path) -> None:
    golden = answered(tmp_path / "draft")
    edited(one_less)(golden)
    detector, stored = bundle(tmp_path / "final", golden, min_confidence=0.975)
    check_golden(detector, stored)  # found with 0.980, not expected, within 0.01 of the floor
    edited(lambda boxes: boxes.append([600, 100, 700, 200, 0.98, 0]))(golden)
    check_golden(*bundle(tmp_path / "again", golden, min_confidence=0.975))  # and one expected there, but not found


def test_a_golden_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    golden = [Golden(image="golden/a.png", boxes=[]).model_dump()]
    stored = white_box_bundle(tmp_path / "b", files={"golden/a.png": b"no picture"}, golden=golden)
    with pytest.raises(BundleError, match=r"golden/a\.png: not a picture"):
        check_golden(open_detector(stored), stored)
