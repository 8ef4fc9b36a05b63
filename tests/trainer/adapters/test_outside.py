"""A program outside: data out, a model in, and every way in which it can go wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import BundleError, ConfigError, VedetteError
from contracts.run import Run
from tests.trainer.adapters import worlds
from tests.trainer.ship import lessons
from trainer.adapters.adapter import open_adapter
from trainer.adapters.outside import filled
from trainer.adapters.program import Limits, run_program
from trainer.adapters.training import DATA, WORK, give_up, log_of, train_elsewhere
from trainer.clock import SystemClock
from trainer.commands.export import told
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.ship.document import read_export
from trainer.ship.exporting import export_detector
from trainer.ship.foreign import licence_notes
from trainer.train.config_file import config_of
from trainer.train.detector import train_detector
from trainer.train.run_folder import RunFolder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return worlds.home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def heard() -> lessons.Notes:
    return lessons.Notes()


@pytest.fixture(scope="module")
def done(home: Home, heard: lessons.Notes) -> Run:
    os.environ["VEDETTE_SECRET"] = "a password"
    try:
        return train_detector(worlds.config("good", "$(touch {work}/shell); `id`"), home, heard)
    finally:
        del os.environ["VEDETTE_SECRET"]


def test_a_model_of_another_program_is_a_run_like_any_other(home: Home, done: Run) -> None:
    folder = home.runs / done.id
    assert (done.state, done.classes) == ("done", ["figure"])
    assert done.best is not None
    assert done.best.ap50 is not None
    assert done.best.ap50 > 0.05  # it has learnt something
    made = read_export(folder)
    assert made.trained is None
    assert made.files[0].sha256 == (done.weights_sha256 or "").removeprefix("sha256:")
    assert (made.head.kind, made.input.name, made.labels) == ("yolo", "picture", ["figure"])
    assert RunFolder(folder).read() == done


def test_no_path_of_the_machine_that_trained_goes_out_with_the_model(home: Home, done: Run) -> None:
    written, kept = ((home.runs / done.id / name).read_bytes() for name in (f"{WORK}/model.onnx", "model.onnx"))
    assert b"outside_program.py" in written
    assert b"outside_program.py" not in kept


def test_its_licence_is_said_wherever_the_model_is(home: Home, done: Run) -> None:
    made = read_export(home.runs / done.id)
    assert (made.licence, made.trainer) == ("AGPL-3.0", "colours 1.0")
    assert any("AGPL-3.0" in note and "ask before" in note for note in made.notes)
    assert any("AGPL-3.0" in note for note in done.notes)
    assert "note: trained by colours 1.0 under AGPL-3.0" in told(made)
    assert licence_notes("x", "MIT") == licence_notes("x", "Apache-2.0") == []
    assert "does not say" in licence_notes("x", " ")[0]


def test_it_sees_what_it_may_learn_from_and_nothing_else(home: Home, done: Run) -> None:
    log = log_of(home.runs / done.id).read_text()
    assert "train-0000.png" in log
    assert "val-0100.png" in log
    assert "test-" not in log
    assert "knows []" in log  # no password of ours
    left = {path.name for path in (home.runs / done.id / WORK).iterdir()}
    assert left == {"log.txt", "model.onnx", "run"}  # the copies of the pictures are gone
    assert list((home.runs / done.id / WORK / "run").iterdir()) == []  # and no shell ran


def test_its_progress_is_heard(done: Run, heard: lessons.Notes) -> None:
    assert done.state == "done"
    shares = [share for share, said in heard.said if said.startswith("epoch")]
    assert shares == sorted(shares)
    assert heard.said[0][1] == "writing the data set out"


def test_smaller_forms_are_made_of_it_too(home: Home, done: Run) -> None:
    made = export_detector(home.runs / done.id, ["int8", "fp16"])
    assert [file.kind for file in made.files] == ["onnx", "int8", "fp16"]
    assert made.licence == "AGPL-3.0"
    assert made.file("fp16") is not None, made.files
    with pytest.raises(ConfigError, match=r"made of our own networks only|is not installed"):
        export_detector(home.runs / done.id, ["tflite"])


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("fail", ConfigError, "ended with code 7: CUDA out of memory, as ever; its log is"),
        ("nothing", ConfigError, "is not there though the program ended well"),
        ("link", ConfigError, "is not there though the program ended well"),
        ("text", BundleError, "is not an ONNX file"),
        ("blind", BundleError, "sees nothing on any of 6 pictures when it is read as yolo"),
    ],
)
def test_what_goes_wrong_is_named_and_stands_in_the_run(home: Home, mode: str, error: type[VedetteError], words: str) -> None:
    before = set(home.runs.iterdir())
    with pytest.raises(error, match=words):
        train_elsewhere(worlds.config(mode), home, Silent())
    (folder,) = set(home.runs.iterdir()) - before
    run = RunFolder(folder).read()
    assert run.state == "failed"
    assert run.why
    assert log_of(folder).is_file()
    assert not (folder / "model.onnx").exists()
    assert not (folder / "export.json").exists()


@pytest.mark.parametrize("head", [{"kind": "end2end"}, {"kind": "ssd"}, {"kind": "yolo", "options": {"variant": "v5"}}])
def test_a_head_that_was_declared_wrongly_is_found_by_running_it(home: Home, head: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="head "):
        train_elsewhere(worlds.config(head=head), home, Silent())


def test_an_input_that_was_declared_wrongly_is_found(home: Home) -> None:
    with pytest.raises(BundleError, match="input"):
        train_elsewhere(worlds.config(input={**worlds.INPUT, "name": "image"}), home, Silent())


class Impatient(lessons.Notes):
    """Stops as soon as a program sleeps."""

    def stopped(self) -> bool:
        return any("sleeping" in said for _, said in self.said)


def test_who_stops_it_ends_all_that_it_started(home: Home) -> None:
    run = train_elsewhere(worlds.config("hang"), home, Impatient())
    assert run.state == "stopped"
    assert "stopped while" in run.why
    assert is_gone(int((home.runs / run.id / WORK / "run" / "child.pid").read_text()))


STARTER = """
import sys
from pathlib import Path
from trainer.adapters.program import Limits, run_program
from trainer.jobs.told import Silent
here = Path(sys.argv[1])
says_its_number = "import os, time; print('progress 0.1', os.getpid(), flush=True); time.sleep(600)"
run_program([sys.executable, "-c", says_its_number], here, here / "log.txt", Limits(600), Silent())
"""


def test_it_dies_with_who_started_it_however_that_dies(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)]) as starter:
        try:
            program = waited_for(lambda: int(log.read_text().split()[2]) if log.exists() and log.read_text().endswith("\n") else 0)
        finally:
            starter.kill()
    assert waited_for(lambda: is_gone(program))


def test_a_run_whose_process_died_is_over_before_the_job_begins_another(home: Home) -> None:
    lost = train_elsewhere(worlds.config("good"), home, Silent())
    folder = RunFolder(home.runs / lost.id)
    folder.write(lost.model_copy(update={"state": "running", "ended": None}))
    (folder.path / WORK / DATA).mkdir()
    give_up(home, lost.id, SystemClock())
    assert (folder.read().state, "its process died" in folder.read().why) == ("failed", True)
    assert not (folder.path / WORK / DATA).exists()
    folder.write(lost)
    give_up(home, lost.id, SystemClock())
    assert folder.read().state == "done"


def waited_for(found: Callable[[], int]) -> int:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if value := found():
            return value
        threading.Event().wait(0.02)
    raise AssertionError("it did not come")


def is_gone(process: int) -> bool:
    """Or dead and not yet taken from its parent's list."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Watch:
    """A clock that a second passes on every time it is looked at."""

    def __init__(self) -> None:
        self._now_ns = 0

    def mono_ns(self) -> int:
        self._now_ns += 1_000_000_000
        return self._now_ns

    def wall_ns(self) -> int:
        return self.mono_ns()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., None]:
    def started(mode: str, **limits: Any) -> None:
        words = [sys.executable, str(worlds.PROGRAM), mode, str(tmp_path), str(tmp_path / "out"), "1"]
        run_program(words, tmp_path, tmp_path / "log.txt", Limits(**limits), Silent(), Watch())

    return started


def test_a_program_that_takes_too_long_is_ended(run: Callable[..., None]) -> None:
    with pytest.raises(ConfigError, match=r"took longer than 3 s and was ended; its log is .*; raise time_limit_h"):
        run("hang", seconds=3)


def test_a_program_that_fills_the_disk_with_its_log_is_ended(run: Callable[..., None]) -> None:
    with pytest.raises(ConfigError, match="wrote more than 1 MiB of log and was ended"):
        run("chatter", seconds=1e6, log_bytes=1 << 20)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such-program: cannot be started: No such file"):
        run_program(["no-such-program"], tmp_path, tmp_path / "log.txt", Limits(1), Silent())


def test_words_are_filled_one_by_one() -> None:
    assert filled(["a {out} b", "{epochs}", "{out}{out}", "{}x"[2:]], {"out": "/x y", "epochs": "3"}) == ["a /x y b", "3", "/x y/x y", "x"]
    with pytest.raises(ConfigError, match=r"\{home\} is not known; there are \{out\}"):
        filled(["{home}"], {"out": "x"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"licence": ""}, "licence"),
        ({"head": {"kind": "softmax"}}, "kind is one of yolo, end2end, points, ssd"),
        ({"speed": 3}, "speed: Extra inputs"),
        ({"time_limit_h": 0}, "time_limit_h"),
    ],
)
def test_faults_of_its_options_are_found_before_anything_runs(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_adapter(worlds.config(**change))


@pytest.mark.parametrize("command", [[], ["train"], ["train", "--to", "model.onnx"]])
def test_a_command_says_where_its_model_goes(command: list[str]) -> None:
    model = {"architecture": "outside:x", "command": command, "options": worlds.OPTIONS}
    with pytest.raises(ConfigError, match=r"model\.command: "):
        open_adapter(config_of({"data": {"set": "drawn"}, "model": model}))


def test_a_damaged_document_of_an_outside_run_cannot_be_exported_from(home: Home, done: Run, tmp_path: Path) -> None:
    folder = tmp_path / done.id
    folder.mkdir()
    for name in ("run.json", "export.json"):
        (folder / name).write_bytes((home.runs / done.id / name).read_bytes())
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"is not the file that export\.json names"):
        export_detector(folder, ["fp16"], home)
    assert json.loads((folder / "run.json").read_text())["state"] == "done"
