"""A box may wait for its clock before it starts, where its owner wants that, and never for ever."""

from __future__ import annotations

import shutil
import time

from tests.deploy.systemd.appliance import Appliance, tell
from tests.deploy.systemd.layer import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICE = "systemd-time-wait-sync.service"
# A container may not set the clock, so systemd would not wait in it; what it waits for is the file that systemd-timesyncd makes.
IN_A_CONTAINER = """[Unit]
ConditionVirtualization=
ConditionCapability=
[Service]
ExecStart=
ExecStart=/bin/sh -c 'until [ -e /run/systemd/timesync/synchronized ]; do sleep 0.1; done'
"""


def waiting(appliance: Appliance, longest_s: int | None = None) -> None:
    for unit in ("vedette.service", SERVICE):
        appliance.call("mkdir", "-p", f"/etc/systemd/system/{unit}.d")
        shutil.copy(UNITS / f"{unit}.d/wait-for-clock.conf", appliance.box.root / f"etc/systemd/system/{unit}.d/wait-for-clock.conf")
    extra = IN_A_CONTAINER + (f"TimeoutStartSec={longest_s}\n" if longest_s else "")
    appliance.call("sh", "-c", f"cat > /etc/systemd/system/{SERVICE}.d/zz-container.conf && systemctl daemon-reload", stdin=extra)


def test_without_being_asked_to_it_does_not_wait(appliance: Appliance) -> None:
    appliance.start()
    assert appliance.call("systemctl", "is-active", SERVICE, check=False).strip() == "inactive"
    assert "time-sync.target" in appliance.show("After")
    appliance.stop()


def test_it_waits_until_the_clock_is_set(appliance: Appliance) -> None:
    waiting(appliance)
    appliance.call("systemctl", "start", "--no-block", "vedette")
    appliance.until(lambda: appliance.call("systemctl", "is-active", SERVICE, check=False).strip() == "activating")
    assert appliance.call("systemctl", "show", "--value", "-p", "TimeoutStartUSec", SERVICE).strip() == "2min"
    assert appliance.show("ActiveState") == "inactive", "it has its turn after the clock"
    appliance.call("sh", "-c", "mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized")
    appliance.until(appliance.ready)
    appliance.until(lambda: appliance.asked("/api/v1/health")["system"]["clock"] == "ntp")
    appliance.stop()
    appliance.call("systemctl", "stop", SERVICE, "time-sync.target")
    appliance.call("rm", "-r", "/run/systemd/timesync")


def test_a_clock_that_nobody_sets_is_not_waited_for_for_ever(appliance: Appliance) -> None:
    waiting(appliance, longest_s=4)
    began = time.monotonic()
    appliance.call("systemctl", "start", "--no-block", "vedette")
    appliance.until(appliance.ready)
    tell(f"without a time server, waiting 4 s at most: READY after {time.monotonic() - began:.1f} s")
    assert time.monotonic() - began >= 4
    assert appliance.asked("/api/v1/health")["system"]["clock"] != "ntp"
