"""`vedette doctor --backend`, as typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from device.main import main
from tests.scenarios.stage import config
from vision.engines import ENGINES
from vision.engines.onnx import OnnxEngine

PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10}


def test_the_default_model_is_compared_output_by_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, PATTERN, pipeline={"detect": {"bundle": "person-street"}})
    assert main(["doctor", "--config", str(path), "--backend", "onnx", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"]
    assert said["findings"][-1]["what"] == "person-street, golden pictures"
    assert any("output" in each["what"] and "apart at most" in each["text"] for each in said["findings"])


class Halved(OnnxEngine):
    """An engine that computes something else."""

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        return [out / 2 for out in super().run(tensor)]


def test_an_engine_that_answers_otherwise_is_an_error_that_names_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ENGINES, "tensorrt", f"{__name__}:Halved")
    path = config(tmp_path, PATTERN)
    assert main(["doctor", "--config", str(path), "--backend", "tensorrt"]) == 1
    said = capsys.readouterr().out
    assert "ERROR   white, output boxes" in said and "apart at most" in said and "--tolerance" in said
    assert main(["doctor", "--config", str(path), "--backend", "tensorrt", "--tolerance", "1"]) == 0


def test_an_engine_that_is_not_here_is_an_error_with_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, PATTERN)
    assert main(["doctor", "--config", str(path), "--backend", "tensorrt"]) == 1
    assert "white on tensorrt" in capsys.readouterr().out
