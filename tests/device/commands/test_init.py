"""`vedette init`: asks only people, writes only what passes, keeps what was there."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from contracts.errors import ConfigError
from device.capture.device_id import DeviceId
from device.capture.local import LocalCamera
from device.commands.init import found_cameras, parse_broker, parse_camera, read_address
from device.config import load
from tests.device.site import SECRET
from tests.scenarios.stage import ROOT, run_vedette

PATTERN = ("--camera", "yard=pattern", "--broker", "none")


def written(folder: Path, name: str = "device.yaml") -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((folder / name).read_text())
    return found


def test_without_a_terminal_it_asks_nothing_and_what_it_writes_passes(tmp_path: Path) -> None:
    done = run_vedette(
        "init", "--camera", "yard=rtsp://10.0.0.5/s1", "--camera", "door=/dev/video0", "--broker", "10.0.0.9:8883", folder=tmp_path
    )
    assert done.returncode == 0 and "device.yaml written. Next: `vedette check`" in done.stdout and done.stderr == ""
    assert written(tmp_path) | {"device_id": "x"} == {
        "device_id": "x",
        "profile": "street",
        "cameras": {"yard": {"use": "rtsp", "url": "rtsp://10.0.0.5/s1"}, "door": {"use": "v4l2", "path": "/dev/video0"}},
        "mqtt": {"host": "10.0.0.9", "port": 8883},
    }
    assert load(tmp_path / "device.yaml").settings.mqtt
    assert [path.name for path in tmp_path.iterdir()] == ["device.yaml"]


def test_what_was_there_stays_unless_forced_and_then_a_copy_is_kept(tmp_path: Path) -> None:
    (tmp_path / "device.yaml").write_text("device_id: mine-01\n")
    refused = run_vedette("init", *PATTERN, folder=tmp_path)
    assert refused.returncode == 2 and "is there already" in refused.stderr and written(tmp_path) == {"device_id": "mine-01"}
    assert run_vedette("init", *PATTERN, "--force", folder=tmp_path).returncode == 0
    assert written(tmp_path, "device.yaml.before") == {"device_id": "mine-01"} and "cameras" in written(tmp_path)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--device-id", "Yard 1"), "device id 'Yard 1'"),
        (("--device-id", "fleet"), "names all boxes"),
        (("--profile", "stret"), "did you mean `street`?"),
        (("--camera", "yard"), "is not NAME=ADDRESS"),
        (("--camera", "yard=http://10.0.0.5"), "is neither rtsp://"),
        (("--camera", "yard=rtsp:///x"), "is neither rtsp://"),
        (("--broker", "host:notaport"), "write HOST or HOST:PORT"),
        (("--broker", "host:70000"), "write HOST or HOST:PORT"),
        (("--output", "."), "is there already"),
        (("--output", ".", "--force"), "is a folder"),
        (("--camera", f"rtsp://me:{SECRET}@10.0.0.5/x"), "is not NAME=ADDRESS"),
    ],
)
def test_a_wrong_answer_writes_nothing(args: tuple[str, ...], said: str, tmp_path: Path) -> None:
    camera = () if "--camera" in args else PATTERN[:2]
    done = run_vedette("init", "--broker", "none", *camera, *args, folder=tmp_path)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and SECRET not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_in_the_file_for_its_owner_alone_and_not_in_what_is_printed(tmp_path: Path) -> None:
    done = run_vedette(
        "init", "--camera", f"yard=rtsp://me:{SECRET}@10.0.0.5/x?token=abcdef", "--broker", "none", "--json", folder=tmp_path
    )
    answer = json.loads(done.stdout)
    assert answer["cameras"]["yard"]["url"].startswith("rtsp://***@10.0.0.5/x") and SECRET not in done.stdout
    assert SECRET in (tmp_path / "device.yaml").read_text()
    assert stat.S_IMODE((tmp_path / "device.yaml").stat().st_mode) == 0o600


def answered(folder: Path, answers: list[str | None], *args: str) -> tuple[int, str]:
    """In a terminal, each answer given when the question stands there; None: Ctrl-D."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "device.main", "init", *args]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    heard, seen, deadline = "", 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            heard += os.read(master, 4096).decode()
        except OSError:  # the other end is closed
            break
        if answers and heard[seen:].rstrip(" ").endswith("]:"):
            seen = len(heard)
            answer = answers.pop(0)
            os.write(master, b"\x04" if answer is None else answer.encode() + b"\n")
    os.close(master)
    return process.wait(10), heard


def test_at_a_terminal_it_asks_until_each_answer_will_do(tmp_path: Path) -> None:
    answers: list[str | None] = ["Yard One", "yard-1", "nothing.mkv", "rtsp://10.0.0.5/s1", "gate", "broker:port", "10.0.0.9"]
    code, heard = answered(tmp_path, answers)
    assert code == 0 and answers == [], heard
    for said in ("device id 'Yard One'", "is neither rtsp://", "broker broker:port"):
        assert said in heard
    assert written(tmp_path) == {
        "device_id": "yard-1",
        "profile": "street",
        "cameras": {"gate": {"use": "rtsp", "url": "rtsp://10.0.0.5/s1"}},
        "mqtt": {"host": "10.0.0.9"},
    }


def test_at_a_terminal_enter_takes_what_is_offered(tmp_path: Path) -> None:
    code, heard = answered(tmp_path, ["", "", "", ""], "--broker", "none")
    assert code == 0, heard
    assert written(tmp_path)["cameras"] == {"front": {"use": "pattern", "pace": "realtime"}}
    assert "mqtt" not in written(tmp_path)


def test_when_the_answers_end_nothing_is_written(tmp_path: Path) -> None:
    code, heard = answered(tmp_path, ["yard-1", None])
    assert code == 2 and "the answers ended; nothing is written" in heard and "Traceback" not in heard
    assert list(tmp_path.iterdir()) == []


def test_addresses_mean_what_they_look_like(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"x")
    assert read_address(str(tmp_path)) == {"use": "folder", "path": str(tmp_path)}
    assert read_address(str(tmp_path / "a.mkv")) == {"use": "file", "path": str(tmp_path / "a.mkv"), "pace": "realtime", "loop": True}
    assert parse_camera("a=rtsp://h/x?y=1") == ("a", {"use": "rtsp", "url": "rtsp://h/x?y=1"})
    assert (parse_broker("none"), parse_broker("::1"), parse_broker("h:1884")) == (None, {"host": "::1"}, {"host": "h", "port": 1884})
    with pytest.raises(ConfigError):
        parse_camera("=x")


def test_devices_that_give_no_picture_are_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    gone = LocalCamera("usb:046d:0892:A1", "C920\x1b[2J", Path("/dev/video-none"), DeviceId("046d", "0892", "A1", "hub-1"))
    assert found_cameras([gone]) == {}
    said = capsys.readouterr().err
    assert "usb:046d:0892:A1: " in said and "\x1b" not in said
