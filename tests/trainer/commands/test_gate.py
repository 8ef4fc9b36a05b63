"""The commands evaluate and gate on a data set on disk: points are chosen on val, frozen, judged on test; exit codes are for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contracts.evaluation import Evaluation
from contracts.verdict import Verdict
from trainer.datasets.split_file import read_split
from trainer.main import main

RULES = """\
version: 1
resamples: 300
rules:
  finds-enough: {kind: absolute, metric: recall, at_least: 0.6}
  not-worse: {kind: non_inferior, metric: recall, margin: 0.05, to: [champion]}
"""
PASS, REFUSED, FAIL, UNDECIDED = 0, 1, 3, 4


def box(n: int) -> list[int]:
    return [60 * n, 10, 40, 40]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """24 recordings for each of val and test, three things in each of two pictures."""
    folder = tmp_path / "set" / "annotations"
    folder.mkdir(parents=True)
    for first, split in ((0, "val"), (100, "test")):
        images, labels = [], []
        for n in range(first, first + 48):
            origin = {"camera": f"cam-{n % 2}", "session": f"{split}-{n // 2}"}
            images.append({"id": n, "file_name": f"{n}.png", "width": 320, "height": 240, "vedette": {"origin": origin}})
            labels += [{"id": 3 * n + k, "image_id": n, "category_id": 1, "bbox": box(k), "area": 1600, "iscrowd": 0} for k in range(3)]
        document = {"images": images, "annotations": labels, "categories": [{"id": 1, "name": "person"}]}
        (folder / f"instances_{split}.json").write_text(json.dumps(document))
    return tmp_path / "set"


@pytest.fixture
def answered(tmp_path: Path, data: Path) -> Callable[[str, float], Path]:
    """Results of COCO of a model with this recall, for val and test, put through evaluate with a point chosen on val."""

    def make(name: str, recall: float) -> Path:
        dice, rows = np.random.default_rng(1), []
        for n in (*range(48), *range(100, 148)):
            for k in range(3):
                if dice.random() < recall:
                    rows.append({"image_id": n, "category_id": 1, "bbox": box(k), "score": 0.9})
            rows.append({"image_id": n, "category_id": 1, "bbox": [0, 150, 40, 40], "score": 0.2})
        results = tmp_path / f"{name}.json"
        results.write_text(json.dumps(rows))
        common = ["evaluate", str(results), "--data", str(data), "--json"]
        val, test = tmp_path / f"{name}-val.json", tmp_path / f"{name}-test.json"
        assert main([*common, "--split", "val", "--choose", "f1", "--save", str(val)]) == 0
        assert main([*common, "--split", "test", "--points", str(val), "--save", str(test), "--out", str(tmp_path / "report.json")]) == 0
        return test

    return make


@pytest.fixture
def gate(tmp_path: Path, data: Path) -> Callable[..., int]:
    rules = tmp_path / "gates.yaml"
    rules.write_text(RULES)

    def run(*arguments: Any) -> int:
        out = ["--uses", str(tmp_path / "uses.jsonl"), "--out", str(tmp_path / "verdict.json")]
        return main(["gate", str(rules), "--data", str(data), *map(str, arguments), *out])

    return run


def verdict(folder: Path) -> Verdict:
    return Verdict.model_validate_json((folder / "verdict.json").read_text())


def test_points_are_chosen_on_val_and_the_report_is_of_test(tmp_path: Path, answered: Callable[[str, float], Path]) -> None:
    answered("good", 0.9)
    report = Evaluation.model_validate_json((tmp_path / "report.json").read_text())
    person = report.classes["person"]
    assert report.split == "test"
    assert (report.pictures, report.recordings, person.wanted) == (48, 24, 144)
    assert person.point is not None
    assert 0.2 < person.point <= 0.9
    assert person.precision == 1.0
    assert person.recall is not None
    assert 0.8 < person.recall < 0.98


def test_an_equal_model_passes_and_a_worse_one_is_refused_with_the_rule(
    tmp_path: Path, answered: Callable[[str, float], Path], gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    champion, worse = answered("champion", 0.9), answered("worse", 0.7)
    assert gate("--candidate", champion, "--champion", champion) == PASS
    capsys.readouterr()
    assert gate("--candidate", worse, "--champion", champion) == FAIL
    told = capsys.readouterr().out
    assert "FAIL: worse" in told
    assert "FAIL: not-worse: recall" in told
    assert "The champion stays what it is." in told
    result = verdict(tmp_path)
    assert {check.rule for check in result.checks if check.answer == "fail"} == {"not-worse"}
    assert result.test_set.models == 2


def test_without_a_champion_it_is_undecided_and_an_override_needs_a_name_and_a_reason(
    tmp_path: Path, answered: Callable[[str, float], Path], gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    good = answered("good", 0.9)
    assert gate("--candidate", good) == UNDECIDED
    assert gate("--candidate", good, "--override", "not-worse", "--reason", "short") == REFUSED
    assert "needs --name and a --reason" in capsys.readouterr().err
    assert gate("--candidate", good, "--override", "not-worse", "--reason", "the first model there is", "--name", "Ada") == PASS
    assert [(o.rule, o.name, o.reason) for o in verdict(tmp_path).overrides] == [("not-worse", "Ada", "the first model there is")]


def test_json_is_the_verdict_and_nothing_else(
    answered: Callable[[str, float], Path], gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    good = answered("good", 0.9)
    capsys.readouterr()
    assert gate("--candidate", good, "--champion", good, "--json") == PASS
    assert Verdict.model_validate_json(capsys.readouterr().out).answer == "pass"


def test_points_chosen_on_the_test_set_are_refused(
    tmp_path: Path, data: Path, answered: Callable[[str, float], Path], gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    answered("good", 0.9)
    model, cheat = tmp_path / "good.json", tmp_path / "cheat.json"
    common = ["evaluate", str(model), "--data", str(data)]
    assert main([*common, "--split", "test", "--choose", "f1"]) == REFUSED
    (data / "annotations" / "instances_val.json").write_text((data / "annotations" / "instances_test.json").read_text())
    (data / "annotations" / "instances_test.json").unlink()
    assert main([*common, "--split", "val", "--choose", "f1", "--save", str(cheat)]) == 0
    assert gate("--split", "val", "--candidate", cheat) == REFUSED
    assert "were chosen on these very pictures" in capsys.readouterr().err


def test_answers_that_were_never_given_for_the_test_set_are_refused(
    tmp_path: Path, answered: Callable[[str, float], Path], gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    answered("good", 0.9)
    assert gate("--candidate", tmp_path / "good-val.json") == REFUSED
    assert "48 pictures were never asked about" in capsys.readouterr().err


def test_the_gates_file_alone_can_be_examined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(RULES)
    assert main(["gate", str(path), "--check"]) == PASS
    path.write_text(RULES.replace("margin", "margn"))
    assert main(["gate", str(path), "--check"]) == REFUSED
    assert "gates.yaml:5: rules.not-worse.margn: is not a known key; did you mean `margin`?" in capsys.readouterr().err


def test_incidents_come_from_beside_the_gates_file_and_from_nowhere_else(
    tmp_path: Path, answered: Callable[[str, float], Path], gate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    good = answered("perfect", 2.0)
    gates = tmp_path / "gates.yaml"
    gates.write_text(RULES + "  past: {kind: golden, file: incidents.json}\n")
    picture = next(iter(json.loads(good.read_text())["pictures"]))
    incident = {"id": "yard-1", "picture": picture, "label": "person", "bbox": box(0)}
    (tmp_path / "incidents.json").write_text(json.dumps({"incidents": [incident]}))
    assert gate("--candidate", good, "--champion", good) == PASS
    (tmp_path / "incidents.json").write_text(json.dumps({"incidents": [{**incident, "bbox": [0, 200, 20, 20]}]}))
    assert gate("--candidate", good, "--champion", good) == FAIL
    gates.write_text(RULES + "  past: {kind: golden, file: ../../etc/passwd}\n")
    assert gate("--candidate", good) == REFUSED
    assert "not a plain relative path" in capsys.readouterr().err


def test_evaluate_wants_a_data_set_or_footage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path)]) == REFUSED
    assert "--data SET or --footage FILE" in capsys.readouterr().err


def test_a_frozen_split_says_what_is_test_in_place_of_the_set(tmp_path: Path, data: Path, answered: Callable[[str, float], Path]) -> None:
    answered("good", 0.9)
    (data / "images").mkdir()
    for n in (*range(48), *range(100, 148)):  # no two alike
        rough = np.random.default_rng(n).integers(0, 256, (6, 8, 3), np.uint8)
        assert cv2.imwrite(str(data / "images" / f"{n}.png"), cv2.resize(rough, (320, 240)))
    split, report = tmp_path / "split.json", tmp_path / "sides.json"
    assert main(["dataset", "split", str(data), "--out", str(split), "--salt", "1", "--json"]) == 0
    common = ["evaluate", str(tmp_path / "good.json"), "--data", str(data), "--json", "--split", "test", "--out", str(report)]
    assert main([*common, "--sides", str(split)]) == 0
    groups = [group for group in read_split(split).groups if group.side == "test"]
    judged = Evaluation.model_validate_json(report.read_text())
    assert 0 < judged.pictures < 48
    assert (judged.pictures, judged.recordings) == (sum(group.items for group in groups), len(groups))


def test_what_is_no_split_is_refused_by_its_name(tmp_path: Path, gate: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    split = tmp_path / "split.json"
    split.write_text("{}")
    assert gate("--sides", split, "--candidate", "a.json") == REFUSED
    assert "split.json" in capsys.readouterr().err
