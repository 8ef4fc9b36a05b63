"""The service on a real systemd: it starts, hangs, dies, has no camera, is stopped, and is back or whole each time."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.deploy.systemd.appliance import DATA, Appliance, tell

WATCHDOG_S = 30.0  # vedette.service
AND = 5.0
LOST = {"seconds": 0, "fps": 10, "people": 1, "use": "pattern"}


@pytest.fixture
def running(appliance: Appliance) -> Appliance:
    """READY, with the configuration of every test."""
    appliance.configure()
    appliance.call("systemctl", "restart", "--no-block", "vedette")
    appliance.until(lambda: appliance.ready() and appliance.show("Job") in {"", "0"})
    return appliance


def test_the_first_start_is_ready(appliance: Appliance) -> None:
    took = appliance.start()
    tell(f"first start to READY: {took:.1f} s")
    assert took < 30
    assert appliance.show("StatusText").startswith(("yard", "vedette: 1 camera"))


def test_a_process_that_stands_still_is_replaced_in_time(running: Appliance) -> None:
    pid, began = running.main_pid(), time.monotonic()
    running.call("kill", "-STOP", str(pid))
    running.until_ready_again(pid)
    took = time.monotonic() - began
    tell(f"stopped process to READY: {took:.1f} s")
    assert took < WATCHDOG_S + AND
    assert running.show("NRestarts") == "1"


def test_a_thread_that_hangs_is_noticed_and_the_journal_says_where_it_hung(running: Appliance) -> None:
    pid, before, began = running.main_pid(), running.restarts(), time.monotonic()
    running.call("runuser", "-u", "vedette", "--", "touch", f"{DATA}/stuck")
    running.until_ready_again(pid)
    took = time.monotonic() - began
    tell(f"stuck thread to READY: {took:.1f} s")
    assert took < WATCHDOG_S + AND
    assert running.restarts() == before + 1
    said = running.call("journalctl", "--no-pager", "-u", "vedette", f"_PID={pid}")
    assert "workers do not answer" in said
    assert "site_stuck.py" in said, "SIGABRT makes Python say where each thread was"


def test_a_crash_loop_never_leaves_it_failed(running: Appliance) -> None:
    states = set()
    for _ in range(12):
        running.until(lambda: running.main_pid() != 0)
        running.call("kill", "-KILL", str(running.main_pid()), check=False)
        states.add(running.show("ActiveState"))
    assert "failed" not in states
    running.until(running.ready)
    assert running.restarts() >= 12


def test_a_configuration_that_cannot_be_used_is_waited_for(running: Appliance) -> None:
    """The owner mends the file and does nothing else."""
    before = running.restarts()
    running.configure({"cameras": {"yard": {"use": "patern"}}})
    running.call("systemctl", "restart", "--no-block", "vedette")
    running.until(lambda: running.restarts() >= 7)
    assert running.show("ActiveState") == "activating"
    assert "did you mean" in running.tail()
    running.configure()
    took = running.until(running.ready, within_s=30)
    tell(f"mended file to READY: {took:.1f} s, after {running.restarts() - before} starts that could not be")


def test_a_camera_that_is_missing_is_degraded_and_no_restart_loop(running: Appliance) -> None:
    missing = {"yard": LOST, "gate": {"use": "rtsp", "url": "rtsp://127.0.0.1:1/none"}, "desk": {"use": "v4l2", "path": "/dev/video7"}}
    running.configure({"cameras": missing})
    running.call("systemctl", "restart", "vedette")
    pid, began = running.main_pid(), time.monotonic()
    running.until(lambda: time.monotonic() - began > WATCHDOG_S + 10, within_s=60)
    assert (running.main_pid(), running.ready(), running.show("NRestarts")) == (pid, True, "0")
    cameras = running.asked("/api/v1/health")["cameras"]
    assert cameras["yard"]["state"] == "online"
    assert {cameras[name]["state"] for name in ("gate", "desk")} <= {"retrying", "unplugged"}
    assert all(cameras[name]["reason"] for name in ("gate", "desk"))
    assert {alert["id"] for alert in running.asked("/api/v1/health")["alerts"]} >= {"camera-gate", "camera-desk"}
    assert "gate" in running.show("StatusText")


def test_it_stops_in_time_and_leaves_no_clip_open(running: Appliance) -> None:
    running.until(lambda: len(videos(running.data)) >= 2)
    took = running.stop()
    tell(f"stop: {took:.2f} s")
    assert took < AND
    assert running.show("Result") == "success"
    assert not [path for path in (running.data / "clips").rglob("*") if path.suffix == ".part" or path.name.endswith(".part")]
    found = videos(running.data)
    assert found
    assert all(seconds(path) > 0 for path in found)
    running.start()


def videos(data: Path) -> list[Path]:
    return [path for path in (data / "clips").rglob("*") if path.suffix in {".mp4", ".mkv"}]


def seconds(path: Path) -> float:
    """As another program reads it."""
    ffprobe = shutil.which("ffprobe")
    assert ffprobe
    said = subprocess.run(
        [ffprobe, "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets:format=duration", "-of", "json", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not said.stderr, f"{path.name}: {said.stderr}"
    found = json.loads(said.stdout)
    assert int(found["streams"][0]["nb_read_packets"]) > 0
    return float(found["format"]["duration"])
