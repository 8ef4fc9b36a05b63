"""A folder of somebody else, a disk without room, a clock in 1970: the box sees all the same, and says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.deploy.systemd.appliance import DATA, Appliance, tell

FAKED = """[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1
Environment=FAKETIME_TIMESTAMP_FILE=/etc/vedette/clock
"""


@pytest.fixture
def stopped(appliance: Appliance) -> Iterator[Appliance]:
    appliance.stop()
    yield appliance
    appliance.stop()


def test_a_data_folder_of_somebody_else_is_given_back_to_the_service(stopped: Appliance) -> None:
    """systemd does that, by StateDirectory=."""
    stopped.configure()
    stopped.call("sh", "-c", f"mkdir -p {DATA} && chown -R root:root {DATA} && chmod 0700 {DATA}")
    stopped.start()
    assert stopped.call("stat", "-c", "%U %a", DATA).split() == ["vedette", "750"]
    stopped.until(lambda: stopped.asked("/api/v1/health")["parts"].get("record", {"state": "ok"})["state"] == "ok")


def test_a_file_of_somebody_else_in_it_is_named_with_what_to_do(stopped: Appliance) -> None:
    """Deeper than the folder itself systemd does not look. A `sudo vedette ...` may have left it."""
    stopped.configure()
    stopped.start()
    stopped.stop()
    stopped.call("sh", "-c", f"chown root:root {DATA}/outbox.sqlite && chmod 0600 {DATA}/outbox.sqlite")
    stopped.call("systemctl", "start", "--no-block", "vedette")
    stopped.until(stopped.ready)
    assert "outbox" in stopped.tail()
    part = stopped.asked("/api/v1/health")["parts"]["outbox"]
    assert part["state"] == "failed"
    assert "Permission denied" in part["reason"]
    assert "mend its permissions" in part["reason"]
    stopped.call("chown", "vedette:vedette", f"{DATA}/outbox.sqlite")
    stopped.until(lambda: stopped.asked("/api/v1/health")["parts"]["outbox"]["state"] == "ok")


def test_a_disk_that_is_full_at_the_start_stops_recording_and_not_seeing(stopped: Appliance) -> None:
    stopped.configure()
    stopped.call("mount", "-t", "tmpfs", "-o", "size=160m,mode=0750,uid=0", "none", DATA)
    try:
        stopped.call("sh", "-c", f"head -c 200M /dev/zero > {DATA}/hog; chown -R vedette:vedette {DATA}", check=False)
        took = stopped.start()
        tell(f"full disk: READY after {took:.1f} s")
        stopped.until(lambda: stopped.asked("/api/v1/health")["cameras"]["yard"]["state"] == "online")
        stopped.until(
            lambda: any(alert["id"] in {"disk", "part-storage", "part-record"} for alert in stopped.asked("/api/v1/health")["alerts"])
        )
        restarts = stopped.restarts()
        stopped.call("rm", f"{DATA}/hog")
        stopped.until(lambda: "disk" not in {alert["id"] for alert in stopped.asked("/api/v1/health")["alerts"]})
        assert stopped.restarts() == restarts
    finally:
        stopped.stop()
        stopped.call("umount", DATA)


def test_a_clock_in_1970_is_flagged_and_costs_nothing_when_it_is_set(stopped: Appliance) -> None:
    """A process has its own clock by libfaketime here: all boxes and this machine share one."""
    stopped.drop_in("faketime", FAKED)
    stopped.configure({"health": {"interval_s": 1, "alerts": {"clock_s": 3}}})
    stopped.call("sh", "-c", "cat > /etc/vedette/clock", stdin="@1970-01-01 00:01:00\n")
    stopped.start()
    stopped.until(lambda: "clock" in {alert["id"] for alert in stopped.asked("/api/v1/health")["alerts"]})
    health = stopped.asked("/api/v1/health")
    assert health["system"]["clock"] == "unsynced"
    stopped.until(lambda: len(stopped.asked("/api/v1/clips")["clips"]) >= 1)
    before = {path.name for path in stopped.data.glob("clips/**/*.mp4")}
    assert before
    pid = stopped.main_pid()
    stopped.call("sh", "-c", "cat > /etc/vedette/clock", stdin="+0\n")
    stopped.until(lambda: any("2026" in str(path) or "2027" in str(path) for path in stopped.data.glob("clips/**/*.mp4")))
    assert (stopped.main_pid(), stopped.show("NRestarts")) == (pid, "0")
    assert before <= {path.name for path in stopped.data.glob("clips/**/*.mp4")}, "nothing was removed as too old"
    cameras = stopped.asked("/api/v1/health")["cameras"]
    assert cameras["yard"]["state"] == "online"
    stopped.stop()
    events = [json.loads(line) for line in (stopped.data / "log/events.jsonl").read_text().splitlines()]
    assert events
