"""What is signed anew each day by whoever works in the home."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.trainer.push.yards import HandClock, Yard
from trainer.home import Home
from trainer.main import main
from trainer.push.upkeep import Upkeep


def test_once_a_day_and_not_more_often(yard: Yard) -> None:
    upkeep = Upkeep(yard.home, yard.clock)
    signed = []
    for _ in range(8):
        yard.clock.pass_days(0.5)
        signed.append(upkeep.step())
    assert signed == [False, True] * 4
    assert yard.repository.timestamp().signed.version == 5


def test_a_clock_that_jumped_back_is_signed_for_again(yard: Yard) -> None:
    yard.clock.pass_days(-3)
    assert Upkeep(yard.home, yard.clock).step()


def test_a_home_without_keys_has_nothing_to_keep_up_and_trouble_is_said(tmp_path: Path, yard: Yard) -> None:
    assert not Upkeep(Home(tmp_path / "other"), HandClock()).step()
    (yard.place.keys / "online.key").unlink()
    yard.clock.pass_days(2)
    upkeep = Upkeep(yard.home, yard.clock)
    assert not upkeep.step()
    assert "keys rotate online" in upkeep.trouble


def test_a_file_that_somebody_copied_there_does_not_end_it(yard: Yard) -> None:
    (yard.place.metadata / "1 (copy).root.json").write_text("{}")
    yard.clock.pass_days(2)
    assert Upkeep(yard.home, yard.clock).step()
    (yard.place.metadata / "99999.root.json").mkdir()
    yard.clock.pass_days(2)
    upkeep = Upkeep(yard.home, yard.clock)
    assert not upkeep.step()
    assert "99999.root.json" in upkeep.trouble


def test_it_goes_on_until_told_to_stop(yard: Yard) -> None:
    made = threading.Event()
    watched = Upkeep(yard.home, yard.clock)
    yard.clock.pass_days(2)
    stop = threading.Event()
    step = watched.step

    def once() -> bool:
        done = step()
        stop.set()
        made.set()
        return done

    watched.step = once  # type: ignore[method-assign]
    watched.run(stop)
    assert made.is_set()
    assert yard.repository.timestamp().signed.version == 2


def test_the_commands_of_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VEDETTE_TRAINER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VEDETTE_STORE", raising=False)
    monkeypatch.setenv("VEDETTE_ROOT_PASSPHRASE", "root of the yard")
    monkeypatch.setenv("VEDETTE_KEY_PASSPHRASE", "correct horse battery")
    root = ["--root", str(tmp_path / "safe")]
    assert main(["push", "ls"]) == 1
    assert "keys init" in capsys.readouterr().err
    assert main(["keys", "init", *root]) == 0
    assert "Take" in capsys.readouterr().out
    assert main(["keys", "rotate", "online", *root]) == 0
    assert main(["keys", "rotate", "assignment"]) == 0
    assert main(["push", "refresh"]) == 0
    assert main(["push", "renew"]) == 0
    assert main(["push", "ls"]) == 0
    assert "nothing is released" in capsys.readouterr().out
    assert main(["push", "release", "boxes@1.0.0"]) == 1
    assert "no model known by that" in capsys.readouterr().err
    assert main(["keys", "show"]) == 0
    assert "snapshot   version 5" in capsys.readouterr().out
