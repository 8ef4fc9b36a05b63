"""The program itself: which command, which exit code, what of an error is shown."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from contracts.errors import BundleError, ConfigError, HardwareError, ProtocolError, StorageError, VedetteError
from device import main
from tests.device.site import SECRET

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


def ran(monkeypatch: pytest.MonkeyPatch, run: Callable[[object], int]) -> int:
    command = SimpleNamespace(add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(main, "import_module", lambda name: command)
    return main.main(["run"])


def raising(error: BaseException) -> Callable[[object], int]:
    def run(_options: object) -> int:
        raise error

    return run


def caused(error: VedetteError, cause: BaseException) -> VedetteError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a"), 2),
        (BundleError("a"), 3),
        (HardwareError("a"), 4),
        (StorageError("a"), 5),
        (ProtocolError("a"), 1),
        (caused(ConfigError("detect: a"), BundleError("a")), 3),
        (caused(ConfigError("a"), OSError("a")), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch, raising(error)) == code


def test_an_error_of_ours_is_one_line_without_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ran(monkeypatch, raising(HardwareError(f"camera a: rtsp://me:{SECRET}@10.0.0.1/x is busy; stop it")))
    assert capsys.readouterr().err == "vedette run: camera a: rtsp://***@10.0.0.1/x is busy; stop it\n"


def test_a_bug_is_logged_with_its_traceback_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(monkeypatch, raising(ZeroDivisionError(f"password={SECRET}"))) == 1
    said = capsys.readouterr().err
    assert "CRITICAL device.main: crashed command=run" in said and "ZeroDivisionError: password=***" in said
    assert SECRET not in said


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    code = "import sys; from device.main import main; sys.exit(main(['check', '--no-probe', '--merged', '--set', 'cameras.a.use=pattern']))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert (process.stderr.read().decode().replace("\nThe configuration is good.\n", ""), process.wait(30)) == ("", 141)


@pytest.mark.parametrize(
    "args", [[], ["nothing"], ["run", "--nothing"], ["replay", "--verify"], ["--log", "LOUD", "run"], ["check", "--timeout", "0"]]
)
def test_wrong_arguments_are_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(args)
    assert ended.value.code == 2
    assert "usage: vedette" in capsys.readouterr().err


def test_nothing_to_replay_is_2_and_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["replay"]) == 2
    assert "which recordings? Name them" in capsys.readouterr().err


@pytest.mark.parametrize("args", [["--version"], ["--help"], *([name, "--help"] for name in main.COMMANDS)])
def test_help_and_version_are_0(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(args)
    assert ended.value.code == 0
    assert "vedette" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "umask", "wanted"), [("run", 0o022, 0o640), ("replay", 0, 0o640), ("run", 0o077, 0o600), ("init", 0o022, 0o644)]
)
def test_what_a_command_writes_is_private_but_for_the_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, umask: int, wanted: int
) -> None:
    def run(_options: object) -> int:
        (tmp_path / "made").touch()
        return 0

    monkeypatch.setattr(main, "import_module", lambda name: SimpleNamespace(add_arguments=lambda parser: None, run=run))
    before = os.umask(umask)
    try:
        assert main.main([command]) == 0
        assert os.umask(umask) == umask  # as it was
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == wanted
