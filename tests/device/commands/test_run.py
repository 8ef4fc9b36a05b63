"""`vedette run` as a process: how it begins, ends, crashes and hangs, and what it leaves on disk."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.device.publish.mosquitto import broker_in, free_port, needs_mosquitto
from tests.device.site import SECRET
from tests.scenarios.stage import ROOT, Box, config, film, run_vedette

SITE = "tests.device.site"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody walks through, again and again."""
    return film(tmp_path_factory.mktemp("film") / "visit.mkv", ((1.0, 7.0),), 8.0)


@pytest.fixture
def boxes() -> Iterator[list[Box]]:
    started: list[Box] = []
    yield started
    for box in started:
        if box.process and box.process.poll() is None:
            box.process.kill()
            box.process.wait(10)


def endless(path: Path) -> dict[str, Any]:
    return {"use": "file", "path": str(path), "pace": "realtime", "loop": True}


def recording(box: Box) -> bool:
    """An event is open, and its clip."""
    return bool(list(box.data.glob("clips/*/*/*.part")) and box.events("new"))


def nothing_is_left_open(box: Box) -> list[dict[str, Any]]:
    """No half file, a manifest for each clip; the manifests."""
    assert not list(box.data.rglob("*.part")) and not list(box.data.rglob("*.tmp"))
    videos = {path.name for path in box.data.glob("clips/*/*/*.mp4")}
    manifests = [json.loads(path.read_text()) for path in box.data.glob("clips/*/*/*.json")]
    assert {clip["file"] for clip in manifests} == videos
    return manifests


def ended_within(box: Box, number: int, seconds: float) -> int:
    before = time.monotonic()
    code = box.stop(number)
    assert time.monotonic() - before < seconds
    return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("broker", ["none", "away", "mute"])
def test_a_signal_ends_it_within_5_seconds_with_clips_closed_and_events_ended(
    number: signal.Signals, broker: str, visit: Path, tmp_path: Path, boxes: list[Box]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ports = {"away": free_port(), "mute": mute.getsockname()[1]}
        more = {"mqtt": {"host": "127.0.0.1", "port": ports[broker]}} if broker in ports else {}
        boxes.append(box := Box(config(tmp_path, endless(visit), **more)).start())
        box.until(lambda: recording(box))
        assert ended_within(box, number, 5) == 0
    manifests = nothing_is_left_open(box)
    assert manifests[-1]["reason"] == "stopped"
    events = box.events()
    assert {e["id"] for e in events if e["life"] == "new"} == {e["id"] for e in events if e["life"] == "end"}
    assert events[-1]["life"] == "end" and events[-1]["data"]["reason"] == "stopped"
    assert "Traceback" not in box.log.read_text()


@needs_mosquitto
@pytest.mark.broker
def test_the_last_words_reach_the_broker(visit: Path, tmp_path: Path, boxes: list[Box]) -> None:
    (tmp_path / "broker").mkdir()
    with broker_in(tmp_path / "broker") as broker:
        boxes.append(box := Box(config(tmp_path, endless(visit), mqtt={"host": "127.0.0.1", "port": broker.port})).start())
        box.until(lambda: recording(box))
        assert ended_within(box, signal.SIGTERM, 5) == 0
    assert "Traceback" not in box.log.read_text()


def test_a_crash_ends_it_with_1_a_message_and_everything_closed(visit: Path, tmp_path: Path, boxes: list[Box]) -> None:
    stages = {"detect": {"bundle": "white"}, "planogram": {"use": f"{SITE}:Crashes", "after": 35}}
    box = Box(config(tmp_path, endless(visit), pipeline=stages))
    done = run_vedette("run", "--config", str(box.yaml), folder=tmp_path)
    assert done.returncode == 1
    assert "worker crashed worker=follow" in done.stderr and "LookupError: no such planogram at https://***@example.org/" in done.stderr
    assert done.stderr.count("Traceback") == 1
    assert done.stderr.rstrip().endswith("vedette run: worker follow crashed: LookupError; the log says where")
    assert SECRET not in done.stderr + done.stdout
    assert nothing_is_left_open(box), "somebody was walking when it crashed"
    box.yaml.write_text(box.yaml.read_text().replace("after: 35", "after: 100000"))
    boxes.append(box.start())
    crashed = box.events("new")[0]["id"]
    box.until(lambda: [e for e in box.ask("/api/v1/events?limit=100")["events"] if e["id"] == crashed and e["life"] == "end"])
    assert box.stop() == 0


def test_a_stage_that_hangs_is_left_behind_and_the_rest_is_closed(visit: Path, tmp_path: Path, boxes: list[Box]) -> None:
    stages = {"detect": {"bundle": "white"}, "planogram": {"use": f"{SITE}:Hangs", "after": 35}}
    boxes.append(box := Box(config(tmp_path, endless(visit), pipeline=stages)).start())
    box.until(lambda: recording(box))
    box.until(lambda: box.health()["cameras"]["yard"]["dropped"].get("overwritten", 0) > 3)
    assert ended_within(box, signal.SIGTERM, 15) == 1
    said = box.log.read_text()
    assert "a worker hangs" in said and "follow did not end" in said
    assert "in fail" in said, "faulthandler says where"
    nothing_is_left_open(box)


def test_systemd_hears_ready_alive_how_it_is_and_stopping(
    visit: Path, tmp_path: Path, boxes: list[Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        boxes.append(box := Box(config(tmp_path, endless(visit))).start())
        heard: list[str] = []
        while not any(line.startswith("STATUS=yard online") for line in heard) or heard.count("WATCHDOG=1") < 5:
            heard.append(systemd.recv(4096).decode())
        assert sum(line.startswith("READY=1\nSTATUS=vedette: 1 camera(s), the page: http://127.0.0.1:") for line in heard) == 1
        before = time.monotonic()
        for _ in range(10):
            systemd.recv(4096)
        assert time.monotonic() - before < 3, "three times as often as systemd asks, with time to spare"
        assert box.stop() == 0
        while not heard[-1].startswith("STOPPING=1"):
            heard.append(systemd.recv(4096).decode())


def test_the_watchdogs_signal_says_where_each_thread_was(visit: Path, tmp_path: Path, boxes: list[Box]) -> None:
    boxes.append(box := Box(config(tmp_path, endless(visit))).start())
    assert box.stop(signal.SIGABRT) == -signal.SIGABRT
    said = box.log.read_text()
    assert "Fatal Python error: Aborted" in said and "device/pipeline/crew.py" in said


def test_a_port_that_is_taken_and_a_folder_that_is_taken_are_the_owners_to_mend(visit: Path, tmp_path: Path, boxes: list[Box]) -> None:
    boxes.append(box := Box(config(tmp_path, endless(visit))).start())
    port = box.page.rpartition(":")[2]
    same_port = run_vedette("run", "--config", str(box.yaml), "--set", f"data={tmp_path / 'other'}", folder=tmp_path)
    assert same_port.returncode == 2
    assert f"vedette run: page: port {port} on 127.0.0.1 is taken by another program; stop it, or set page.port" in same_port.stderr
    same_folder = run_vedette("run", "--config", str(box.yaml), "--set", "page.port=0", folder=tmp_path)
    assert same_folder.returncode == 2
    assert f"vedette run: data folder {box.data}: another Vedette is writing there; stop it" in same_folder.stderr
    assert "Traceback" not in same_port.stderr + same_folder.stderr
    assert box.stop() == 0
    nothing_is_left_open(box)


def test_a_data_folder_that_takes_nothing_has_an_exit_code_of_its_own(visit: Path, tmp_path: Path) -> None:
    device = config(tmp_path, endless(visit))
    for folder in ("/proc/self", str(device)):
        done = run_vedette("run", "--config", str(device), "--set", f"data={folder}", folder=tmp_path)
        assert done.returncode == 5
        assert (
            f"vedette run: data folder {folder}: " in done.stderr and "give the service's user the folder, or change `data`" in done.stderr
        )
        assert "Traceback" not in done.stderr


def test_it_ends_by_itself_after_the_seconds_that_were_given(visit: Path, tmp_path: Path) -> None:
    device = config(tmp_path, endless(visit))
    done = run_vedette("run", "--config", str(device), "--seconds", "2", folder=tmp_path)
    assert done.returncode == 0 and "vedette: 1 camera(s), the page: http://127.0.0.1:" in done.stdout
    for wrong in ("inf", "nan", "-1", "0", "soon"):
        refused = run_vedette("run", "--config", str(device), f"--seconds={wrong}", folder=tmp_path)
        assert refused.returncode == 2 and "is not a number of seconds above 0" in refused.stderr


INTERRUPTED = """
import os, signal, sys, threading
from device import main
main.import_module = lambda name: (os.kill(os.getpid(), signal.SIGINT), threading.Event().wait(30))
sys.exit(main.main(["run"]))
"""


def test_interrupted_while_it_starts_it_says_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "")
