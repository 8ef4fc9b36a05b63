"""What the service's settings really forbid, and that they do not forbid what cameras, recording and engines need."""

from __future__ import annotations

import json

import pytest

from tests.deploy.systemd.appliance import Appliance, tell
from tests.deploy.systemd.layer import RELEASE

PROBE = f"""[Service]
Type=oneshot
Restart=no
WatchdogSec=0
CPUSchedulingPolicy=other
ExecStartPre=
ExecStart=
ExecStart=/opt/vedette/current/bin/python /{RELEASE}/probe.py
"""
REFUSED = {"EPERM", "EACCES", "EROFS", "ENOENT"}


@pytest.fixture(scope="module")
def found(appliance: Appliance) -> dict[str, str]:
    """A drop-in allows /dev/probe-allowed, as the unit allows char-video4linux; the kernel here may have no cameras."""
    appliance.call("sh", "-c", "mknod -m 0666 /dev/probe-allowed c 10 200; mknod -m 0666 /dev/probe-other c 10 203")
    appliance.drop_in("probe", PROBE + "DeviceAllow=/dev/probe-allowed rw\n")
    appliance.call("systemctl", "start", "vedette")
    (entry,) = [each for each in appliance.journal() if str(each["MESSAGE"]).startswith("PROBE ")]
    said: dict[str, str] = json.loads(str(entry["MESSAGE"]).removeprefix("PROBE "))
    tell(str(said))
    return said


@pytest.mark.parametrize(
    "deed",
    [
        "write /usr", "write /etc", "write kernel", "read shadow", "read root's home", "mount", "new namespace", "become root",
        "trace another", "set the clock", "open another device",
    ],
)  # fmt: skip
def test_it_may_not(found: dict[str, str], deed: str) -> None:
    assert found[deed] in REFUSED


def test_it_has_no_raw_network(found: dict[str, str]) -> None:
    assert found["packet socket"] == "EAFNOSUPPORT"


@pytest.mark.parametrize(
    "need",
    [
        "write state", "write run", "write tmp", "tcp socket", "unix socket", "uevents", "open null", "run what was written",
        "shared memory",
        "limit a child", "choose cores", "give way", "lock memory", "place memory", "run a program",
        "ask systemd for the clock",
    ],
)  # fmt: skip
def test_it_may(found: dict[str, str], need: str) -> None:
    assert found[need] == "yes"


def test_a_device_that_is_allowed_is_not_refused_by_policy(found: dict[str, str]) -> None:
    """Whether there is a driver behind it is another thing."""
    assert found["open the allowed device"] not in {"EPERM", "EACCES"}


def test_it_sees_no_process_of_others(found: dict[str, str]) -> None:
    assert int(found["processes"]) <= 2
