"""The command: a run from a file, words for people and lines for programs, stopped by TERM and gone on with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.train.worlds import WHOLE, config
from trainer.home import Home
from trainer.main import main
from trainer.train.config import TrainConfig
from trainer.train.run_folder import open_run

ROOT = Path(__file__).resolve().parents[3]


def file_of(folder: Path, of: TrainConfig) -> Path:
    path = folder / "run.yaml"
    path.write_text(of.model_dump_json())  # JSON is YAML
    return path


@pytest.mark.timeout(600)
def test_a_run_is_trained_validated_and_exported_from_the_command_line(
    shapes: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, home = file_of(tmp_path, config()), str(shapes.path)
    assert main(["train", "detector", "--config", str(file), "--home", home]) == 0
    out = capsys.readouterr().out
    assert "epoch 1 of 2  loss " in out
    assert "AP50" in out
    assert "report.html" in out
    name = out.partition("run ")[2][:26]
    assert main(["train", "detector", "--validate", name, "--home", home, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    best = open_run(shapes, name).read().best
    assert best is not None
    assert lines[-1]["evaluation"]["coco"]["ap50"] == pytest.approx(best.ap50)
    assert main(["train", "detector", "--export", name, "--home", home]) == 0
    assert (shapes.runs / name / "model.onnx").is_file()
    assert (shapes.runs / name / "export.json").is_file()


def test_lines_of_json_say_progress_epochs_and_the_run(shapes: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "detector", "--config", str(file_of(tmp_path, config())), "--home", str(shapes.path), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["epoch"]["epoch"] for line in lines if "epoch" in line] == [1, 2]
    assert lines[-1]["run"]["state"] == "done"
    assert all(0 <= line["done"] <= 1 for line in lines if "done" in line)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --config FILE, or --resume"),
        (["--resume", "01J00000000000000000000000"], "is not there"),
        (["--resume", "../x"], "is not there"),
        (["--validate", "nothing"], "neither a run nor a bundle"),
        (["--config", "gone.yaml"], "is not there"),
    ],
)
def test_what_cannot_be_done_is_said(home: Home, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["train", "detector", *words, "--home", str(home.path)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.timeout(600)
def test_term_stops_a_run_which_goes_on_where_it_was(shapes: Home, tmp_path: Path) -> None:
    long = WHOLE.model_copy(update={"training": WHOLE.training.model_copy(update={"epochs": 2, "steps": 60})})
    command = [sys.executable, "-m", "trainer.main", "train", "detector", "--home", str(shapes.path), "--json"]
    child = subprocess.Popen([*command, "--config", str(file_of(tmp_path, long))], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child:
        for line in child.stdout:
            if "step 1 of" in line or "epoch 1 of 2: step" in line:
                break
        child.send_signal(signal.SIGTERM)
        rest = child.stdout.read()
    assert child.returncode == 130
    run = json.loads(rest.splitlines()[-1])["run"]
    assert run["state"] == "stopped"
    place = json.loads((shapes.runs / run["id"] / "checkpoint.json").read_text())
    assert 0 < place["step"] < 120
    assert open_run(shapes, run["id"]).read().state == "stopped"
