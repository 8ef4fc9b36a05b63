"""Libraries in a process apart: what goes there and comes back, and what is said when they are not there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError
from tests.trainer.adapters import worlds
from trainer.adapters.adapter import open_adapter
from trainer.adapters.training import WORK, train_elsewhere
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.ship.document import read_export
from trainer.train.config import TrainConfig
from trainer.train.config_file import config_of


def config(architecture: str, **options: Any) -> TrainConfig:
    model = {"architecture": architecture, "size": [64, 128], "options": options}
    return config_of({"data": {"set": "drawn"}, "model": model, "training": {"epochs": 5, "batch_size": 4, "threads": 1}})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return worlds.home(tmp_path_factory.mktemp("home"))


LIBRARY = """
import sys
sys.path.insert(0, {tests!r})
import outside_program

__version__ = "9.9"


class LibreYOLO9:
    def __init__(self, weights, size, nb_classes, device):
        assert (weights, size, nb_classes, device) == (None, "t", 1, "cpu")

    def train(self, data, epochs, callbacks, imgsz, **plain):
        assert plain["pretrained"] is False and plain["workers"] == 0 and plain["mosaic_prob"] == 0.5 and imgsz == (64, 128)
        self.data = data.removesuffix("/data.yaml")
        for epoch in range(epochs):
            callbacks(type("Event", (), {{"epoch": epoch + 1}}))

    def export(self, format, imgsz, dynamic):
        assert (format, imgsz, dynamic) == ("onnx", (64, 128), False)
        outside_program.main("good", self.data, "weights.onnx", 12)
        return "weights.onnx"
"""
RUNNER = """#!{python}
import runpy, sys
sys.path.insert(0, {place!r})
sys.argv = sys.argv[2:]  # the program and its job, without -I
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def environment(place: Path) -> Path:
    """An interpreter whose environment has a library of that name: it keeps the calls, and trains what the outside program trains."""
    (place / "libreyolo.py").write_text(LIBRARY.format(tests=str(worlds.PROGRAM.parent)))
    python = place / "python"
    python.write_text(RUNNER.format(python=sys.executable, place=str(place)))
    python.chmod(0o755)
    return python


def test_a_job_goes_out_and_a_model_comes_back(home: Home, tmp_path: Path) -> None:
    wanted = config("libreyolo:yolo9-t", python=str(environment(tmp_path)), settings={"mosaic_prob": 0.5})
    with pytest.raises(Exception, match="input picture takes uint8"):  # it came back, and was run: this library's input is another
        train_elsewhere(wanted, home, Silent())
    (work,) = [path for path in home.runs.glob(f"*/{WORK}") if (path / "answer.json").exists()]
    job, said = (json.loads((work / name).read_text()) for name in ("job.json", "answer.json"))
    assert (job["what"], job["epochs"], job["batch"], job["threads"], job["weights"]) == ("yolo9-t", 5, 4, 1, None)
    assert (said["version"], said["licence"]) == ("9.9", "MIT")
    assert said["head"] == {"kind": "yolo", "options": {"variant": "v8", "boxes": "xyxy"}}
    assert said["input"]["name"] == "picture"
    assert "progress 1.0000 epoch 5 of 5" in (work / "log.txt").read_text()


@pytest.mark.parametrize(("architecture", "extra"), [("libreyolo:yolox-n", "libreyolo"), ("rfdetr:nano", "rfdetr")])
def test_a_library_that_is_not_there_says_which_extra_brings_it(home: Home, architecture: str, extra: str) -> None:
    with pytest.raises(ConfigError, match=rf"{extra}: is not installed in this environment; pip install 'vedette\[{extra}\]'"):
        train_elsewhere(config(architecture), home, Silent())


@pytest.mark.parametrize("architecture", ["libreyolo:yolo99", "libreyolo:", "rfdetr:2xlarge", "nobody:x"])
def test_what_is_not_known_is_named_before_anything_runs(architecture: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.architecture .*: is (not known|no adapter); write"):
        open_adapter(config(architecture))


def test_options_that_are_not_known_are_named() -> None:
    with pytest.raises(ConfigError, match=r"model\.options of rfdetr:nano: pyhton: Extra inputs"):
        open_adapter(config("rfdetr:nano", pyhton="/usr/bin/python3"))


def test_runs_that_failed_have_no_document(home: Home) -> None:
    for folder in home.runs.iterdir():
        with pytest.raises(ConfigError, match="nothing was exported"):
            read_export(folder)
