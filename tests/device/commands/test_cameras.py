"""`vedette cameras`: what is there, under which name, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device.capture.local import local_cameras
from device.commands import cameras as command
from device.main import main
from device.nearby.onvif import FoundCamera
from tests.device.capture.sysfs import Bench

CONFIG = """
cameras:
  door: {use: v4l2, device: "usb:046d:0892:A"}
  yard: {use: v4l2, device: "usb:046d:0892:B"}
  far: {use: rtsp, url: "rtsp://192.0.2.1/s"}
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path)
    monkeypatch.setattr(command, "local_cameras", bench.look)
    (tmp_path / "device.yaml").write_text(CONFIG)
    return bench


def test_it_says_who_is_there_who_is_new_and_who_is_missing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.plug_usb("1", 0, serial="A")
    bench.plug_usb("2", 2, serial="NEW", name="Brio\x1b[2J")
    assert main(["cameras", "--config", str(bench.root / "device.yaml"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["camera"], row["device"], row["fault"]) for row in rows] == [
        ("door", "usb:046d:0892:A", ""), (None, "usb:046d:0892:NEW", ""), ("yard", None, "not plugged in"),
    ]  # fmt: skip
    assert main(["cameras", "--config", str(bench.root / "device.yaml")]) == 0
    printed = capsys.readouterr().out
    assert "usb:046d:0892:NEW" in printed and "\x1b" not in printed


def test_without_a_configuration_it_lists_what_may_be_written_into_one(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.plug_usb("1", 0, serial="A")
    (bench.root / "device.yaml").write_text("cameras: 3\n")
    assert main(["cameras", "--config", str(bench.root / "device.yaml")]) == 0
    said = capsys.readouterr()
    assert "usb:046d:0892:A" in said.out
    assert "cannot be read" in said.err


def test_cameras_on_the_network_are_asked_for_where_that_is_wanted(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "look_for_cameras", lambda _seconds, _clock: [FoundCamera("192.0.2.9", "Yard IPC-1")])
    config = str(bench.root / "device.yaml")
    assert main(["cameras", "--config", config, "--network", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["node"] == "192.0.2.9"
    assert main(["cameras", "--config", config]) == 0
    assert "192.0.2.9" not in capsys.readouterr().out


def test_a_box_without_cameras_says_so(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (bench.root / "device.yaml").write_text("cameras: {far: {use: rtsp, url: 'rtsp://192.0.2.1/s'}}\n")
    assert main(["cameras", "--config", str(bench.root / "device.yaml")]) == 0
    assert "no local camera is plugged in" in capsys.readouterr().out
    assert local_cameras(bench.root / "none", bench.root / "none") == []
