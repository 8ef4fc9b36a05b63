"""bundle, keys and models, as typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
pytest.importorskip("cryptography")
pytest.importorskip("sqlalchemy")

from tests.trainer.registry.test_stays import T0, A, B, seen, write
from tests.trainer.registry.works import RUN, brighter, trained_home, verdict, write_verdict
from trainer.home import Home
from trainer.main import main
from trainer.registry.keys import VARIABLE
from trainer.store.database import Database

Typed = Any


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = trained_home(tmp_path / "home")
    monkeypatch.setenv("VEDETTE_TRAINER_HOME", str(made.path))
    monkeypatch.setenv(VARIABLE, "correct horse battery")
    monkeypatch.delenv("VEDETTE_STORE", raising=False)
    return made


@pytest.fixture
def typed(home: Home, capsys: pytest.CaptureFixture[str]) -> Typed:
    """What a command answers with --json; without it its text."""

    def go(*words: str, text: bool = False, code: int = 0) -> Any:
        assert main([*words, *([] if text else ["--json"])]) == code
        out, err = capsys.readouterr()
        return err if code else out if text else json.loads(out)

    return go


def made(typed: Typed, home: Home, version: str, run: str = RUN, **about: Any) -> str:
    """The way of the guide: draft, verdict, bundle."""
    words = ("bundle", "make", run, "--name", "boxes", "--version", version)
    judged = typed(*words, "--draft")
    file = write_verdict(home.path / "verdict.json", verdict(judged["digest"], **about))
    return str(typed(*words, "--verdict", str(file))["digest"])


def test_from_a_run_to_a_champion(typed: Typed, home: Home) -> None:
    digest = made(typed, home, "1.0.0")
    typed("keys", "make", "ada")
    signed = typed("bundle", "sign", digest, "--key", "ada")
    assert Path(signed["signature"]).name == f"{digest[7:]}.dsse.json"
    checked = typed("bundle", "verify", digest)
    assert (checked["signers"], checked["golden"], checked["verdict"], checked["draft"]) == (["ada"], 5, "pass", False)
    assert typed("models", "add", digest, "--who", "Ada", "--why", "the first")["answer"] == "pass"
    assert typed("models", "champion", "boxes") is None
    assert typed("models", "champion", "boxes", "--take", "boxes@1.0.0", "--who", "Ada")["digest"] == digest
    (listed,) = typed("models", "ls")
    assert (listed["champion"], listed["answer"], listed["version"]) == (True, "pass", "1.0.0")
    assert [each["kind"] for each in typed("models", "history", "boxes")] == ["added", "judged", "champion"]
    assert typed("models", "history") == typed("models", "history", digest)
    assert typed("models", "show", digest[:20])["champion"] is True


def test_it_is_told_in_words_too(typed: Typed, home: Home) -> None:
    digest = made(typed, home, "1.0.0")
    assert typed("keys", "make", "ada", text=True).count("ada") == 2
    assert "ada" in typed("keys", "ls", text=True)
    assert "# boxes 1.0.0" in typed("bundle", "show", digest, text=True)
    assert "boxes 1.0.0: in order" in typed("bundle", "verify", digest, text=True)
    assert "signed by" in typed("bundle", "sign", digest, "--key", "ada", text=True)
    assert "judged: pass" in typed("models", "add", digest, "--who", "Ada", text=True)
    assert "has no champion" in typed("models", "champion", "boxes", text=True)
    assert digest in typed("models", "champion", "boxes", "--take", digest, text=True)
    assert "champion" in typed("models", "ls", text=True)
    assert "It is the champion." in typed("models", "show", "boxes@1.0.0", text=True)
    assert "takes the title" in typed("models", "history", text=True)
    assert "no box named it yet" in typed("models", "where", digest, text=True)
    assert "retired" in typed("models", "retire", digest, "--why", "too old", text=True)


def test_refusals_say_what_to_do_and_exit_with_1(typed: Typed, home: Home) -> None:
    first = made(typed, home, "1.0.0")
    second = made(typed, home, "1.1.0", brighter(home, "01KAKV1Q0X0000000000000001", 257.0))
    for digest in (first, second):
        typed("models", "add", digest)
    typed("models", "champion", "boxes", "--take", first, "--who", "Ada")
    assert "is the champion since" in typed("models", "champion", "boxes", "--take", second, code=1)
    assert "is called boxes" in typed("models", "champion", "shelf", "--take", second, code=1)
    assert "needs --verdict" in typed("bundle", "make", RUN, "--name", "boxes", "--version", "2.0.0", code=1)
    assert "no model known" in typed("models", "show", "f" * 64, code=1)
    assert "not there" in typed("bundle", "show", "nothing.vdb", code=1)
    assert "is no time" in typed("models", "ran", "yard-1", "--at", "yesterday", code=1)
    assert "keys make bob" in typed("bundle", "sign", first, "--key", "bob", code=1)


def test_a_bundle_that_must_be_signed_by_somebody_is(typed: Typed, home: Home, tmp_path: Path) -> None:
    digest = made(typed, home, "1.0.0")
    for name in ("ada", "bob"):
        typed("keys", "make", name)
    keys = {name: str(home.keys / f"{name}.pub") for name in ("ada", "bob")}
    assert "nobody signed it" in typed("bundle", "verify", digest, "--key", keys["ada"], code=1)
    typed("bundle", "sign", digest, "--key", "ada")
    assert typed("bundle", "verify", digest, "--key", keys["ada"])["signers"] == ["ada"]
    assert "unknown signer" in typed("bundle", "verify", digest, "--key", keys["bob"], code=1)
    shutil.copy(home.bundles / f"{digest[7:]}.zip", tmp_path / "alone.vdb")
    assert typed("bundle", "verify", str(tmp_path / "alone.vdb"))["signers"] == []
    raw = bytearray((tmp_path / "alone.vdb").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "alone.vdb").write_bytes(raw)
    assert "make or fetch the bundle again" in typed("bundle", "verify", str(tmp_path / "alone.vdb"), code=1)


def test_a_verdict_is_entered_and_what_ran_is_asked(typed: Typed, home: Home) -> None:
    digest = made(typed, home, "1.0.0")
    typed("models", "add", digest)
    later = write_verdict(home.path / "later.json", verdict(digest, "not_enough_data"))
    assert typed("models", "judge", digest, "--verdict", str(later)) == {
        "digest": digest, "answer": "not_enough_data", "takes_the_title": False,
    }  # fmt: skip
    database = Database(home.store)
    write(database, [seen("yard-1", 0, A, "health"), seen("yard-1", 100, digest, "health"), seen("yard-2", 5, B, "health")])
    database.close()
    (stay,) = typed("models", "where", "boxes@1.0.0")
    assert (stay["device"], stay["from_us"], stay["to_us"]) == ("yard-1", T0 + 100 * 60_000_000, None)
    assert [each["device"] for each in typed("models", "where", B)] == ["yard-2"]
    assert [each["model"] for each in typed("models", "ran", "yard-1")] == [A, digest]
    assert [each["model"] for each in typed("models", "ran", "yard-1", "--at", "2026-02-02T02:50:00Z")] == [A]
    assert "boxes 1.0.0" in typed("models", "ran", "yard-1", text=True)
    assert "nothing is known to have run there then" in typed("models", "ran", "yard-1", "--at", "2020-01-01T00:00:00", text=True)


def test_every_option_explains_itself() -> None:
    import argparse

    from trainer.commands import bundle, keys, models

    for module in (bundle, keys, models):
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        (actions,) = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        for name, command in actions.choices.items():
            assert not [(name, option.dest) for option in command._actions if not option.help]
