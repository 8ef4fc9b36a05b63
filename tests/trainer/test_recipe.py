"""The recipe's steps on a small rendered recording: the teacher goes on where it was, the bundle says what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from contracts.errors import ConfigError, HardwareError
from tests.trainer import models
from tests.trainer.pictures import rendered
from trainer.drawn import read_drawn
from trainer.footage import count, frames, sha256
from trainer.importer import Origin, import_model
from trainer.labels import Label
from trainer.learn import Schedule
from trainer.lessons import Lessons, sight_all
from trainer.network import Network
from trainer.packages import Package
from trainer.proposal import Wishes
from trainer.split import Split
from trainer.street_bundle import GOLDEN, bundle
from vision.bundle import StoredBundle, read_bundle
from vision.detector import open_detector
from vision.golden import check_golden

NONE = np.zeros((0, 4), np.float32)


@pytest.fixture
def sure_of_one(tmp_path: Path) -> StoredBundle:
    """A teacher that sees one person in every tile."""
    path = tmp_path / "teacher.onnx"
    path.write_bytes(models.constant([models.end2end()]).SerializeToString())
    wishes = Wishes(labels=("car", "person"))
    return import_model(path, tmp_path / "teacher", "teacher", wishes, Origin(), {}, lambda _: None).bundle


def video(folder: Path, length: int = 12) -> Path:
    path = folder / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (128, 96))
    for i in range(length):
        writer.write(rendered(i, 96).image)
    writer.release()
    return path


def test_the_teacher_goes_on_where_it_was_broken_off(tmp_path: Path, sure_of_one: StoredBundle) -> None:
    images = {i: np.full((120, 160, 3), 50 + i, np.uint8) for i in range(3)}
    kept = tmp_path / "sightings.jsonl"
    first = sight_all(sure_of_one, images, kept, lambda _: None)
    assert all(len(seen.boxes) for seen in first.values())
    lines = kept.read_text().splitlines(keepends=True)
    changed = json.loads(lines[0])
    changed[2] = [0.123] * len(changed[2])
    kept.write_text(json.dumps(changed) + "\n" + lines[1][:20])  # a line of its own, and one cut off by a crash
    again = sight_all(sure_of_one, images, kept, lambda _: None)
    assert again[0].confidence[0] == pytest.approx(0.123)
    for i in (1, 2):
        assert np.allclose(again[i].boxes, first[i].boxes)
    assert len(kept.read_text().splitlines()) == 3


def test_frames_are_those_of_their_numbers_and_a_recording_too_short_is_said(tmp_path: Path) -> None:
    path = video(tmp_path)
    assert count(path) == 12
    found = frames(path, [3, 11])
    for i, image in found.items():
        assert np.abs(image.astype(int) - rendered(i, 96).image).mean() < 40
    assert np.abs(found[3].astype(int) - found[11]).mean() > 5
    with pytest.raises(HardwareError, match="ends after 12 frames, frame 40 is wanted"):
        frames(path, [40])
    with pytest.raises(HardwareError, match="no frame can be read"):
        count(tmp_path / "gone.avi")


def test_the_bundle_says_what_was_measured_and_keeps_its_promise(tmp_path: Path) -> None:
    path = video(tmp_path)
    samples = {i: rendered(i, 96) for i in range(12)}
    labels = {i: Label(sample.boxes, NONE) for i, sample in samples.items()}
    images = {**{i: sample.image for i, sample in samples.items()}, **dict.fromkeys(GOLDEN, samples[0].image)}
    parts = {"train": {0: labels[0]}, "validation": {4: labels[4], 5: labels[5]}, "test": {8: labels[8], 9: labels[9]}}
    lessons = Lessons(Split((0, 3), (4, 6), (8, 12)), images, parts, samples[0].image, sha256(path))
    drawn = tmp_path / "hand.json"
    rows = [{"frame": i, "boxes": samples[i].boxes.tolist(), "ignored": []} for i in (10, 11)]
    drawn.write_text(json.dumps({"footage_sha256": sha256(path), "frames": rows}))
    torch.manual_seed(0)
    package = Package("pip", "weights==1", None, "MIT", "weights of somebody")
    stored, judged = bundle(tmp_path / "out" / "mine", Network().eval(), lessons, path, drawn, Schedule(), [package])
    assert judged.figures["test_hand"].wanted == read_drawn(drawn).boxes
    assert stored.manifest.min_confidence == judged.confidence
    assert stored.manifest.metrics["test_teacher"] == judged.figures["test_teacher"].rounded()
    assert stored.manifest.dataset == lessons.digest()
    assert b"weights of somebody" in stored.read("CARD.md")
    again = read_bundle(stored.path)
    detector = open_detector(again)
    assert check_golden(detector, again).pictures == len(GOLDEN)
    detector.close()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_drawing_that_cannot_be_read_is_the_owners_to_mend(tmp_path: Path) -> None:
    (tmp_path / "hand.json").write_text('{"frames": [{"frame": 1}]}')
    with pytest.raises(ConfigError, match=r"hand\.json: cannot be read"):
        read_drawn(tmp_path / "hand.json")
