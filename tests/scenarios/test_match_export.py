"""Pictures alone, no model: what they find becomes training data with boxes and names."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import pytest
import yaml

from tests.scenarios.game.film import film
from tests.scenarios.game.templates import FOLDER
from tests.scenarios.stage import run_vedette

TEMPLATES = {
    "hud": {"pictures": [str(FOLDER / "hud.png")], "region": [0, 0.82, 0.12, 1]},
    "stash": {"pictures": [str(FOLDER / "stash.png")], "region": [0, 0, 0.4, 0.12]},
    "kill": {
        "pictures": [str(FOLDER / "kill.png")], "region": [0.58, 0.1, 0.7, 0.56], "threshold": 0.75, "most": 8, "grow": [0, 0, 13.9, 0],
    },
}  # fmt: skip


@pytest.mark.timeout(300)
def test_a_profile_that_only_matches_exports_pictures_with_its_boxes_and_names(tmp_path: Path) -> None:
    recording, truth = film(60, seed=4, width=640)
    profile = {
        "pipeline": {
            "match": {"use": "match", "screen": [1280, 720], "templates": TEMPLATES},
            "steady": {"use": "steady", "rules": {"screens": {"labels": ["hud", "stash"]}}},
        },
        "record": None,
        "export": {"enabled": True, "every_s": 2, "events": ["first"], "with_detections_only": True},
    }
    (tmp_path / "labels.yaml").write_text(yaml.safe_dump(profile, sort_keys=False))
    device = {"profile": "labels.yaml", "data": "data", "cameras": {"screen": {"use": "pattern"}}}
    (tmp_path / "device.yaml").write_text(yaml.safe_dump(device))
    words = ["replay", str(recording), "--config", "device.yaml", "--camera", "screen", "--output", "out", "--keep", "--json"]
    done = run_vedette(*words, folder=tmp_path, timeout_s=250)
    assert done.returncode == 0, done.stderr
    dataset = tmp_path / "out" / recording.stem / "dataset"
    annotations = [json.loads(path.read_text()) for path in sorted(dataset.glob("annotations/*.json"))]
    marks = [mark for each in annotations for mark in each["annotations"]]
    assert {mark["source"] for mark in marks} == {"template_match"}
    counts = Counter(mark["category_name"] for mark in marks)
    assert set(counts) == set(TEMPLATES) and len(annotations) >= 10
    for label, box in ((mark["category_name"], mark["bbox"]) for mark in marks):
        x, y, w, h = box
        if label == "hud":
            assert abs(x - 28 / 2) <= 2 and abs(y - 640 / 2) <= 2 and abs(w - 23) <= 1 and abs(h - 23) <= 1
        if label == "kill":
            assert abs(x - 781 / 2) <= 2 and w > 200 and abs(h - 16) <= 1
    picture = cv2.imread(str(next(dataset.glob("images/*.png"))))
    assert picture.shape == (360, 640, 3) and truth.size == (640, 360)
