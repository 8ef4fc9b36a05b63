"""A run's folder as what is exported, by the command that an owner calls."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from contracts.errors import ConfigError, ProtocolError
from contracts.exported import Exported
from contracts.run import Run, Software
from tests.trainer.ship import lessons
from trainer.home import Home
from trainer.main import main
from trainer.ship.exporting import export_detector
from trainer.train.config_file import config_of
from trainer.train.family import build
from trainer.train.run_folder import RunFolder
from trainer.train.weights import About, write_network

ID = "01KAKV1Q0X0000000000000000"
WHEN = datetime(2026, 11, 22, tzinfo=timezone.utc)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """With a run that is done."""
    made = Home(tmp_path / "home")
    lesson = lessons.lesson(tmp_path / "pictures", 4, 4)
    lessons.yolo_set(made.sets / "drawn", [*lesson.train, *lesson.val])
    folder = RunFolder(made.runs / ID)
    folder.make()
    digest = write_network(folder.best, lessons.network(), About("medium", ("figure",), lessons.SIZE), {})
    config = config_of({"data": {"set": "drawn"}, "model": {"architecture": "medium", "size": list(lessons.SIZE)}})
    run = Run(
        id=ID, state="done", config=config.model_dump(mode="json"), classes=["figure"], seed=1, device="cpu", created=WHEN,
        software=Software(vedette="0", torch="0", python="0"), weights_sha256=digest, notes=["a note of the run"],
    )  # fmt: skip
    folder.write(run)
    return made


def test_the_command_exports_a_run(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", ID, "--home", str(home.path), "--kinds", "onnx,fp16", "--json"]) == 0
    out, err = capsys.readouterr()
    document = Exported.model_validate_json(out)
    assert [file.kind for file in document.files] == ["onnx", "fp16"]
    assert document.notes == ["a note of the run"]
    assert document.labels == ["figure"]
    assert "the ONNX file" in err and "100%" in err
    assert main(["export", str(home.runs / ID), "--home", str(home.path)]) == 0
    assert "counted on 4 pictures for validation" in capsys.readouterr().out


def test_a_form_that_is_refused_is_told_and_is_an_exit_code(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing allowed to be lost it either passes, or is refused by name."""
    code = main(["export", ID, "--home", str(home.path), "--kinds", "int8", "--int8-loss", "0"])
    said = capsys.readouterr().out
    assert (code == 3) == ("refused: " in said)
    assert (code == 0) == ("model.int8.onnx" in said)
    assert main(["export", ID, "--home", str(home.path), "--int8-loss", "2"]) == 1
    assert "correct the argument" in capsys.readouterr().err


def test_what_others_wrote_into_a_run_moves_no_cursor(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(home.runs / ID)
    folder.write(folder.read().model_copy(update={"notes": ["\x1b]0;mine\x07\x9b2J\nsecond line"]}))
    assert main(["export", ID, "--home", str(home.path)]) == 0
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b"} & set(said)
    assert r"note: \x1b]0;mine\x07\x9b2J" in said


def test_weights_that_are_not_the_runs_are_refused(home: Home) -> None:
    folder = RunFolder(home.runs / ID)
    write_network(folder.best, build("small", 1), About("small", ("figure",), lessons.SIZE), {})
    with pytest.raises(ProtocolError, match=r"are not the weights that run\.json names"):
        export_detector(folder.path, ["onnx"])


def test_a_run_without_weights_and_a_set_without_the_class_are_named(home: Home) -> None:
    folder = RunFolder(home.runs / ID)
    folder.write(folder.read().model_copy(update={"weights_sha256": None}))
    write_network(folder.best, build("small", 1), About("small", ("dragon",), lessons.SIZE), {})
    with pytest.raises(ConfigError, match="has no class dragon"):
        export_detector(folder.path, ["onnx"])
    folder.best.unlink()
    with pytest.raises(ConfigError, match="has no best weights yet"):
        export_detector(folder.path, ["onnx"])


def test_the_guides_examples_are_good_configurations(tmp_path: Path) -> None:
    from trainer.adapters.adapter import open_adapter
    from trainer.train.config_file import read_config

    page = Path(__file__).resolve().parents[3] / "docs" / "guide" / "model-export.md"
    examples = [block.partition("\n")[2] for block in page.read_text().split("```")[1::2] if block.startswith("yaml adapter\n")]
    assert len(examples) == 2
    for example in examples:
        (tmp_path / "run.yaml").write_text(example)
        open_adapter(read_config(tmp_path / "run.yaml"))
