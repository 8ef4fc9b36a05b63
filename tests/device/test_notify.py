"""sd_notify, both ways, into a real socket."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.notify import Notify, send_to_socket, watchdog_s

ROOT = Path(__file__).parents[2]
SAY = "from device.notify import Notify, sender; n = Notify(); n.ready('all up'); n.watchdog(); print(sender().__name__)"


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket as systemd gives one."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@vedette-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name[1:] if name.startswith("@") else name)
        sock.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield sock


def test_every_message_is_spelt_as_systemd_reads_it(systemd: socket.socket) -> None:
    notify = Notify(send_to_socket)
    said = [
        (notify.ready("watching\n2 cameras"), b"READY=1\nSTATUS=watching 2 cameras"),
        (notify.ready(), b"READY=1"),
        (notify.watchdog(), b"WATCHDOG=1"),
        (notify.status("camera left: retrying"), b"STATUS=camera left: retrying"),
        (notify.extend_timeout(90), b"EXTEND_TIMEOUT_USEC=90000000"),
        (notify.stopping("bye"), b"STOPPING=1\nSTATUS=bye"),
    ]
    for told, message in said:
        assert told
        assert systemd.recv(1000) == message


def interpreters() -> list[str]:
    """Python that has systemd-python, if any: ours or the system's."""
    tried = [sys.executable, shutil.which("python3", path="/usr/bin:/bin") or ""]
    probe = "import systemd.daemon, sys; assert sys.version_info >= (3, 10)"
    quiet = {"stderr": subprocess.DEVNULL, "check": False}
    return [python for python in tried if python and subprocess.run([python, "-c", probe], **quiet).returncode == 0]  # type: ignore[call-overload]


def test_systemd_python_is_used_where_it_is_installed(systemd: socket.socket) -> None:
    found = interpreters()
    if not found:
        pytest.skip("no Python here has systemd-python (Debian: python3-systemd)")
    done = subprocess.run([found[0], "-c", SAY], cwd=ROOT, capture_output=True, text=True, check=True)
    assert systemd.recv(1000) == b"READY=1\nSTATUS=all up"
    assert systemd.recv(1000) == b"WATCHDOG=1"
    assert done.stdout.strip() == "<lambda>"


def test_without_systemd_python_the_socket_is_spoken_to_directly(systemd: socket.socket) -> None:
    hidden = "import sys; sys.modules['systemd'] = None; "
    done = subprocess.run([sys.executable, "-c", hidden + SAY], cwd=ROOT, capture_output=True, text=True, check=True)
    assert systemd.recv(1000) == b"READY=1\nSTATUS=all up"
    assert systemd.recv(1000) == b"WATCHDOG=1"
    assert done.stdout.strip() == "send_to_socket"


@pytest.mark.parametrize("name", ["", "relative/path", "/nowhere/at/all"])
def test_where_there_is_no_systemd_nothing_happens(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    assert Notify(send_to_socket).ready() is False


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdogs_interval_is_read_from_the_environment(environment: dict[str, str], expected: float | None) -> None:
    assert watchdog_s(environment, pid=42) == expected
