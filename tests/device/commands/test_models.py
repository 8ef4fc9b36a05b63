"""`vedette models`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device.commands.models import AFTER
from device.main import main
from device.update.boots import Boots
from device.update.ledger import Ledger
from device.update.pin import Pin
from device.update.slots import Slots
from device.update.state import State
from tests.device.update.box import bundle
from tests.scenarios.stage import config
from vision.bundle import StoredBundle

PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10}


@pytest.fixture
def models(tmp_path: Path) -> tuple[StoredBundle, StoredBundle]:
    """The factory's, and one that was pushed."""
    slots = Slots(tmp_path / "data" / "models")
    old, new = bundle(tmp_path / "old.vdb", "1.0.0"), bundle(tmp_path / "new.vdb", "2.0.0")
    slots.adopt(old)
    slots.put(new)
    slots.flip(new.digest)
    return old, new


@pytest.fixture
def typed(tmp_path: Path, models: tuple[StoredBundle, StoredBundle]) -> list[str]:
    return ["models", "--config", str(config(tmp_path, PATTERN))]


def current(tmp_path: Path) -> str | None:
    return Slots(tmp_path / "data" / "models").linked("current")


def test_what_is_there_is_listed(typed: list[str], models: tuple[StoredBundle, StoredBundle], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*typed, "ls"]) == 0
    old, new = models
    lines = sorted(capsys.readouterr().out.splitlines())
    wanted = sorted([f"{new.digest[:19]}  white-box 2.0.0  current", f"{old.digest[:19]}  white-box 1.0.0  previous, factory"])
    assert lines == wanted


def test_the_configuration_is_named_before_the_action_or_after_it(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for words in ([*typed, "ls", "--json"], ["models", "ls", "--json", *typed[1:]]):
        assert main([*words]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != "[]\n"


def test_back_and_forth(
    tmp_path: Path, typed: list[str], models: tuple[StoredBundle, StoredBundle], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = models
    assert main([*typed, "rollback"]) == 0
    assert current(tmp_path) == old.digest
    assert AFTER in capsys.readouterr().out
    for name in (new.digest[:15], new.digest.removeprefix("sha256:")[:8], "2.0.0"):
        assert main([*typed, "use", "factory"]) == 0
        assert main([*typed, "use", name]) == 0
        assert current(tmp_path) == new.digest


def test_a_rejected_model_is_allowed_by_the_owner(tmp_path: Path, typed: list[str], models: tuple[StoredBundle, StoredBundle]) -> None:
    boots = Boots(tmp_path / "data")
    boots.trying(models[1].digest)
    for _ in range(3):
        boots.begin()
    assert boots.rejects(models[1].digest)
    assert main([*typed, "use", "2.0.0"]) == 0
    assert not boots.rejects(models[1].digest)


def test_a_model_that_is_spoilt_is_not_used(
    tmp_path: Path, typed: list[str], models: tuple[StoredBundle, StoredBundle], capsys: pytest.CaptureFixture[str]
) -> None:
    path = Slots(tmp_path / "data" / "models").path(models[0].digest) / "model.onnx"
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert main([*typed, "use", "factory"]) == 3
    assert current(tmp_path) == models[1].digest
    assert "model.onnx" in capsys.readouterr().err


def test_pinned_until_it_is_taken_off(tmp_path: Path, typed: list[str], models: tuple[StoredBundle, StoredBundle]) -> None:
    assert main([*typed, "pin"]) == 0
    assert Pin(tmp_path / "data").digest() == models[1].digest
    assert main([*typed, "pin", "--off"]) == 0
    assert main([*typed, "pin", "--off"]) == 0
    assert Pin(tmp_path / "data").digest() == ""


def test_shown_in_full(typed: list[str], models: tuple[StoredBundle, StoredBundle], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*typed, "show", "current", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["digest"], known["links"], known["version"]) == (models[1].digest, ["current"], "2.0.0")
    assert main([*typed, "ls", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


@pytest.mark.parametrize("name", ["3.0.0", "abc", "sha256:", ""])
def test_one_that_is_not_there_is_said_so(typed: list[str], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*typed, "use", name]) == 2
    assert "`vedette models ls` shows" in capsys.readouterr().err


def test_without_a_previous_one_there_is_no_way_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(config(tmp_path, PATTERN))
    assert main(["models", "--config", path, "rollback"]) == 2
    assert main(["models", "--config", path, "pin"]) == 2
    assert main(["models", "--config", path, "ls"]) == 0


def test_what_became_of_what_was_pushed_is_told_step_by_step(
    tmp_path: Path, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*typed, "log"]) == 0
    assert "nothing was assigned" in capsys.readouterr().err
    state = State(tmp_path / "data" / "update" / "state.sqlite")
    ledger, model = Ledger(state), {"name": "white-box", "version": "2.0.0"}
    begun = {"at": "2026-11-22T12:00:00.000Z", "words": "", "rollout": "night-2", "seq": 7, "model": model}
    with state.writing() as connection:
        work = ledger.begin(begun, connection).work
    ledger.add(work, "rejected", "E_GOLDEN", {"at": "2026-11-22T12:00:09.000Z", "words": "sees nothing"})
    assert main([*typed, "log"]) == 0  # while the box has it open
    first, last = capsys.readouterr().out.splitlines()
    assert first == "2026-11-22T12:00:00.000Z  offered      white-box 2.0.0  (night-2)"
    assert last == "2026-11-22T12:00:09.000Z  rejected     white-box 2.0.0  (night-2)  E_GOLDEN sees nothing"
    assert main([*typed, "log", "--most", "1", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["state"], row["seq"], row["model"]["version"]) == ("rejected", 7, "2.0.0")
    state.close()


def test_what_was_done_is_told_to_programs_too(
    tmp_path: Path, typed: list[str], models: tuple[StoredBundle, StoredBundle], capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (["rollback"], {"current": models[0].digest}), (["pin"], {"pinned": models[0].digest}), (["pin", "--off"], {"pinned": None}),
    ):  # fmt: skip
        assert main([*typed, *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == said
