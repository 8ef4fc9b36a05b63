"""Asking: a real bundle about pictures on the disk, through the detector of the box."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contracts.errors import ConfigError, VedetteError
from contracts.evaluation import Evaluation, SavedAnswers
from trainer.judge.asked import Asked
from trainer.main import main

STREET = Path(__file__).resolve().parents[3] / "models" / "person-street"
GOLDEN = json.loads((STREET / "bundle.json").read_text())["golden"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The golden pictures of the bundle, with its own answers above 0.5 as truth."""
    images, labels = [], []
    (tmp_path / "images").mkdir()
    for n, each in enumerate(GOLDEN, 1):
        picture: Any = cv2.imread(str(STREET / each["image"]))
        name = f"{n}{Path(each['image']).suffix}"
        (tmp_path / "images" / name).write_bytes((STREET / each["image"]).read_bytes())
        images.append({"id": n, "file_name": name, "width": picture.shape[1], "height": picture.shape[0]})
        for x1, y1, x2, y2, sure, _ in each["boxes"]:
            if sure > 0.5:
                box = [x1, y1, x2 - x1, y2 - y1]
                labels.append({"id": len(labels) + 1, "image_id": n, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    document = {"images": images, "annotations": labels, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "instances_test.json").write_text(json.dumps(document))
    return tmp_path


def test_a_bundle_finds_its_golden_boxes_again(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, saved = tmp_path / "evaluation.json", tmp_path / "answers.json"
    assert main(["evaluate", str(STREET), "--data", str(data), "--out", str(out), "--save", str(saved)]) == 0
    report = Evaluation.model_validate_json(out.read_text())
    answers = SavedAnswers.model_validate_json(saved.read_text())
    assert report.model.startswith("sha256:")
    assert report.classes["person"].wanted > 0
    assert (report.coco["ap50"] or 0) > 0.95
    assert answers.points["person"] > 0
    assert len(answers.pictures) == len(GOLDEN)
    assert "person" in capsys.readouterr().out


def test_answers_saved_are_the_same_as_those_given(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "answers.json"
    assert main(["evaluate", str(STREET), "--data", str(data), "--save", str(saved), "--json"]) == 0
    first = capsys.readouterr().out
    assert main(["evaluate", str(saved), "--data", str(data), "--json"]) == 0
    assert capsys.readouterr().out == first


def test_a_picture_that_is_not_there_or_broken_refuses_the_whole(data: Path) -> None:
    broken = next((data / "images").iterdir())
    broken.write_bytes(np.zeros(100, np.uint8).tobytes())
    with pytest.raises(VedetteError, match=broken.name):
        Asked(data, None, "", 0.0, 1).answers(STREET)
    broken.unlink()
    with pytest.raises(ConfigError, match="its file is not in the data set"):
        Asked(data, None, "", 0.0, 1).answers(STREET)
