"""The code of a box: one, easy to type, on its disk until it is void, and in no archive for others."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from contracts.errors import ConfigError, StorageError
from device.commands import setup_code
from device.setup.code import ALPHABET, FILE, SetupCode, plain, written
from tests.device.setup.newbox import device_yaml
from tests.scenarios.stage import run_vedette


def test_there_is_one_until_it_is_void(tmp_path: Path) -> None:
    code = SetupCode(tmp_path)
    assert code.read() == "" and not code.fits("") and not code.fits("-")
    made = code.made()
    assert [len(part) for part in made.split("-")] == [3, 3, 3] and set(plain(made)) <= set(ALPHABET)
    assert code.made() == made == SetupCode(tmp_path).read() and (tmp_path / FILE).stat().st_mode & 0o077 == 0
    for typed in (made, made.lower(), plain(made), f" {made.replace('-', ' ')}\n"):
        assert code.fits(typed)
    for wrong in (made[:-1], made + "A", "", "é" * 9):
        assert not code.fits(wrong)
    code.void()
    code.void()
    assert not code.fits(made) and code.made() != made


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 9, b"A" * 100, b"abcdefghj", b"AAA-AAA-AAA"])
def test_a_file_that_holds_none_is_none_and_a_new_one_is_made(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_bytes(content)
    assert SetupCode(tmp_path).read() == "" and not SetupCode(tmp_path).fits(content.decode("latin1"))
    assert SetupCode(tmp_path).made()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "else").write_text("AAAAAAAAA")
    (tmp_path / "config").mkdir()
    (tmp_path / FILE).symlink_to(tmp_path / "else")
    with pytest.raises(StorageError, match="symbolic link"):
        SetupCode(tmp_path).read()
    assert written(tmp_path) == []


def test_the_command_says_it_only_while_there_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    setup_code.add_arguments(parser)
    asked = parser.parse_args(["--json", "--config", str(device_yaml(tmp_path))])
    with pytest.raises(ConfigError, match="there is no code yet, the box does not run"):
        setup_code.run(asked)
    code = SetupCode(tmp_path / "data").made()
    assert setup_code.run(asked) == 0 and json.loads(capsys.readouterr().out) == {"code": code}
    owned = parser.parse_args(["--config", str(device_yaml(tmp_path, page={"password": "correct horse"}))])
    with pytest.raises(ConfigError, match="this box has an owner"):
        setup_code.run(owned)


def test_no_archive_for_others_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal of a box without an owner has the code in it."""
    path = device_yaml(tmp_path)
    code = SetupCode(tmp_path / "data").made()
    journal = tmp_path / "bin" / "journalctl"
    journal.parent.mkdir()
    journal.write_text(f"#!{sys.executable}\nprint('this box has no owner yet code={code} {plain(code)}')\n")
    journal.chmod(0o755)
    monkeypatch.setenv("PATH", f"{journal.parent}:/usr/bin:/bin")
    said = subprocess.run(["journalctl"], capture_output=True, text=True, check=True).stdout
    assert code in said
    archive = tmp_path / "diag.zip"
    done = run_vedette("diag", "--no-probe", "--config", str(path), "--output", str(archive), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(archive) as found:
        texts = {name: found.read(name).decode("utf-8", "replace") for name in found.namelist()}
    assert any("no owner yet" in text for text in texts.values()), "the journal is in it"
    assert not [name for name, text in texts.items() if code in text or plain(code) in text]
