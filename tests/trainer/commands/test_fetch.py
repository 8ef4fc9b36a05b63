from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset.exporter import Exporter
from device.commands import ship
from device.main import main as vedette
from tests.dataset.scenery import fill
from tests.trainer.boxes import TOKEN, WAIT_S, RunningBox, contents
from trainer.main import main

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[RunningBox]:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(5))
    running = RunningBox(tmp_path / "box")
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command takes them for itself, as a program of its own may."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def test_it_says_what_came_as_json(box: RunningBox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert main(["fetch", box.address, "--into", str(tmp_path / "here"), "--token-file", str(tmp_path / "token"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["pictures"], told["failed"]) == (5, 5, [])
    assert contents(tmp_path / "here") == contents(tmp_path / "box")


def test_without_the_token_it_says_what_to_do_and_never_prints_one(
    box: RunningBox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text("another-token-than-that-of-the-box")
    assert main(["fetch", box.address, "--into", str(tmp_path / "here"), "--token-file", str(tmp_path / "token")]) == 1
    told = capsys.readouterr()
    assert "page.export_token" in told.err
    assert "another-token" not in told.out + told.err


@pytest.mark.parametrize("content", [None, "", "\n", "\0\0"])
def test_a_token_file_that_holds_none_is_said(tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    assert main(["fetch", "http://127.0.0.1:9", "--into", str(tmp_path / "here"), "--token-file", str(tmp_path / "token")]) == 1
    assert "--token-file" in capsys.readouterr().err


def test_one_source_that_fails_does_not_keep_another_from_being_fetched(
    box: RunningBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEDETTE_EXPORT_TOKEN", TOKEN)
    assert main(["fetch", str(tmp_path / "nothing"), box.address, "--into", str(tmp_path / "here")]) == 1
    assert len(contents(tmp_path / "here")) == 5


def test_following_ends_when_it_is_told_to(box: RunningBox, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer.main", "fetch", box.address, "--into", str(tmp_path / "here"), "--follow", "--every", "0.05"]
    environment = {**os.environ, "VEDETTE_EXPORT_TOKEN": TOKEN}
    with subprocess.Popen([*command, "--json"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
        until_acknowledged(box)
        with Exporter(tmp_path / "box") as exporter:
            fill(exporter, range(5, 8))
        until_acknowledged(box)
        child.send_signal(signal.SIGTERM)
        assert child.stdout is not None
        assert json.loads(child.stdout.read())["records"] == 8
        assert child.wait(WAIT_S) == 0


def until_acknowledged(box: RunningBox) -> None:
    """Everything the box offers; it is asked, since nobody tells."""
    for _ in range(2000):
        export = box.offered().exports[0]
        if export.positions and set(export.positions.values()) == {export.end}:
            return
    raise AssertionError("nothing came")


def test_ship_and_fetch_by_the_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Exporter(tmp_path / "box") as exporter:
        fill(exporter, range(4))
    (tmp_path / "device.yaml").write_text("device_id: box-9\ncameras: {a: {use: pattern}}\n")
    (tmp_path / "stick").mkdir()
    places = "--config", tmp_path / "device.yaml", "--dataset", tmp_path / "box", "--to", tmp_path / "stick"
    shipping = ["ship", "--json", *map(str, places)]
    assert vedette(shipping) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 4
    assert main(["fetch", str(tmp_path / "stick"), "--into", str(tmp_path / "here"), "--json"]) == 0
    capsys.readouterr()
    assert vedette(shipping) == 0
    assert json.loads(capsys.readouterr().out)["acknowledged"] == 1
    assert vedette([*shipping[:-1], str(tmp_path / "nowhere")]) == 2
    assert ship.__doc__
