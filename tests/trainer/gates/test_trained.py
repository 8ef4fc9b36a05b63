"""Networks that were really trained, one of them worse on purpose, before the gates as a user asks them: bundles, pictures, a command."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from contracts.bundle import Head
from contracts.verdict import Verdict
from tests.trainer.pictures import Drawer, rendered
from tests.trainer.ship import lessons
from trainer.export import to_onnx
from trainer.learn import Schedule, learn
from trainer.main import main
from trainer.network import Network
from trainer.sample import Sample
from trainer.train.score import input_of
from trainer.train.weights import About
from vision.bundle_write import write_bundle

RULES = """\
version: 1
resamples: 300
rules:
  not-worse: {kind: non_inferior, metric: ap, margin: 0.02, to: [champion]}
"""
PASS, FAIL = 0, 3
RECORDINGS, FIRST = 24, 5000  # seeds that no network learnt from


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    (root / "annotations").mkdir()
    (root / "images").mkdir()
    images, labels = [], []
    for n in range(2 * RECORDINGS):
        sample = rendered(FIRST + n, *lessons.SIZE)
        assert cv2.imwrite(str(root / "images" / f"{n}.png"), sample.image[..., ::-1])
        origin = {"camera": "yard", "session": f"s{n // 2}"}
        images.append({"id": n, "file_name": f"{n}.png", "width": 128, "height": 64, "vedette": {"origin": origin}})
        for a, b, c, d in sample.boxes.tolist():
            box, area = [a, b, c - a, d - b], (c - a) * (d - b)
            labels.append({"id": len(labels) + 1, "image_id": n, "category_id": 1, "bbox": box, "area": area, "iscrowd": 0})
    document = {"images": images, "annotations": labels, "categories": [{"id": 1, "name": "figure"}]}
    (root / "annotations" / "instances_test.json").write_text(json.dumps(document))
    return root


def learnt_worse() -> Network:
    """The champion, which learns on from a labeller who was not looking: boxes beside the things."""
    samples = [rendered(seed, *lessons.SIZE) for seed in range(32)]
    beside = [Sample(each.image, each.boxes + np.array([6, 6, 6, 6], np.float32), each.ignored) for each in samples]
    schedule = Schedule(rounds=1, batches=12, batch=4, rate=4e-3, backbone_rate=4e-3, warm_up=2, average=0.5, frozen=0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return learn(copy.deepcopy(lessons.network()), lambda _: Drawer(beside), schedule)
    finally:
        torch.set_num_threads(before)


def bundled(path: Path, network: Network) -> Path:
    about = About("medium", ("figure",), lessons.SIZE)
    fields = {
        "name": path.stem, "version": "1.0.0", "labels": ["figure"], "input": input_of(about), "head": Head(kind="end2end"),
        "needs": {"opset": 17}, "license": "Apache-2.0", "source": "a test", "class_confidence": {"figure": 0.3},
    }  # fmt: skip
    return write_bundle(path, fields, {"model.onnx": to_onnx(network, lessons.SIZE), "CARD.md": b"a test"}).path


@pytest.mark.timeout(600)  # seconds of the processor, which others may want too
def test_a_model_trained_worse_on_purpose_is_refused_by_its_rule_and_the_same_one_passes(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gates.yaml").write_text(RULES)
    champion, worse = bundled(tmp_path / "champion.vdb", lessons.network()), bundled(tmp_path / "worse.vdb", learnt_worse())

    def judged(candidate: Path) -> tuple[int, Verdict]:
        out = ["--out", str(tmp_path / "verdict.json"), "--uses", str(tmp_path / "uses.jsonl")]
        models = ["--candidate", str(candidate), "--champion", str(champion)]
        code = main(["gate", str(tmp_path / "gates.yaml"), "--data", str(pictures), *models, *out])
        return code, Verdict.model_validate_json((tmp_path / "verdict.json").read_bytes())

    code, verdict = judged(champion)
    assert (code, verdict.takes_the_title) == (PASS, False)
    capsys.readouterr()
    code, verdict = judged(worse)
    assert code == FAIL
    assert {check.rule for check in verdict.checks if check.answer == "fail"} == {"not-worse"}
    assert "FAIL: not-worse: ap" in capsys.readouterr().out
