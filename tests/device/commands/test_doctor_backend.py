"""`vedette doctor --backend`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device.main import main
from tests.scenarios.stage import config

PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10}


def test_the_default_model_is_compared_output_by_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, PATTERN, pipeline={"detect": {"bundle": "person-street"}})
    assert main(["doctor", "--config", str(path), "--backend", "onnx", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"]
    assert said["findings"][-1]["what"] == "person-street, golden pictures"
    assert any("output" in each["what"] and "apart at most" in each["text"] for each in said["findings"])


def test_an_engine_that_is_not_here_is_an_error_with_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, PATTERN)
    assert main(["doctor", "--config", str(path), "--backend", "tensorrt"]) == 1
    assert "white on tensorrt" in capsys.readouterr().out
