"""The vedette-trainer program as its owner meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from tests.trainer import models
from trainer.main import COMMANDS, build_parser, main
from trainer.sizes import parse_size
from vision.bundle import read_bundle


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], *([name, "--help"] for name in COMMANDS), ["models", "import", "--help"]):
        with pytest.raises(SystemExit) as stop:
            build_parser().parse_args(words)
        assert stop.value.code == 0
        assert len(capsys.readouterr().out) > 200


def test_an_imported_model_is_told_in_words_and_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "My Model_v2.onnx"
    path.write_bytes(models.constant([models.yolo_v8()]).SerializeToString())
    (tmp_path / "names.txt").write_text("car\nperson\ndog\n")
    labels, out = str(tmp_path / "names.txt"), str(tmp_path / "made.vdb")
    words = ["models", "import", str(path), "--labels", labels, "--out", out, "--license", "MIT"]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["labels"] == ["car", "person", "dog"]
    assert told["digest"] == read_bundle(tmp_path / "made.vdb").digest
    assert read_bundle(tmp_path / "made.vdb").manifest.name == "my-model-v2"
    assert main(words) == 0
    assert "head   yolo" in capsys.readouterr().out


def test_what_goes_wrong_is_one_line_and_exit_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.onnx").write_bytes(b"not a model at all")
    for words, said in (
        (["models", "import", str(tmp_path / "x.onnx")], "not an ONNX file"),
        (["models", "import", str(tmp_path / "gone.onnx")], "cannot be read"),
        (["models", "import"], "give a model file or --recipe"),
        (["models", "import", str(tmp_path / "x.onnx"), "--size", "big"], "write it as WIDTHxHEIGHT"),
    ):
        assert main(words) == 1
        error = capsys.readouterr().err
        assert said in error
        assert "Traceback" not in error


def test_sizes_are_read_as_width_by_height() -> None:
    assert parse_size("512x384") == (384, 512)
    for wrong in ("512", "512x", "0x0", "512x384x3", "-1x20"):
        with pytest.raises(ConfigError):
            parse_size(wrong)
