"""What a box writes in a day is known after an hour, by class and by disk, and an alert says when it is too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.health import Health, ShelfHealth, SystemHealth
from contracts.wear import DiskWear, WearHealth
from device.publish.faults import Thresholds, faults
from device.wear.disks import Disk
from device.wear.worn import Worn
from tests.clocks import HandClock

GB = 10**9


def test_bytes_a_day_are_known_after_an_hour_and_survive_a_restart(tmp_path: Path) -> None:
    clock, written = HandClock(), 0

    def look() -> list[Disk]:
        return [Disk("mmcblk0", "emmc", 20, "normal", 3 * written), Disk("sda", "ssd")]

    shelves = {"clips": ShelfHealth(bytes=1, per_day_bytes=18 * GB), "models": ShelfHealth(bytes=1)}
    worn = Worn(tmp_path, clock, look)
    assert worn.step(written, shelves).per_day_bytes is None
    for _ in range(61):
        clock.advance(60)
        written += GB // 60
        wear = worn.step(written, shelves)
    assert wear.per_day_bytes == pytest.approx(24 * GB, rel=0.01)
    assert wear.by_class == {"clips": 18 * GB, "rest": pytest.approx(6 * GB, rel=0.05)}
    assert wear.disks["mmcblk0"].per_day_bytes == pytest.approx(72 * GB, rel=0.01)
    assert wear.disks["sda"].per_day_bytes is None
    later = Worn(tmp_path, clock, look).step(0, {})
    assert later.per_day_bytes == pytest.approx(24 * GB, rel=0.02)


def test_a_disk_that_takes_nothing_costs_only_the_memory_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = HandClock()
    (tmp_path / "wear.json").mkdir()
    worn = Worn(tmp_path, clock, lambda: [])
    for _ in range(3):
        worn.step(0, {})
        clock.advance(3700)
    assert len([record for record in caplog.records if "begins anew after a restart" in record.getMessage()]) == 1


def report(**disk: object) -> Health:
    system = SystemHealth(
        rss_bytes=None, cpu_percent=0, disk_total_bytes=None, disk_free_bytes=None, written_bytes=None, temperature_c=None, uptime_s=0,
        clock="ntp",
    )  # fmt: skip
    worn = DiskWear.model_validate({"kind": "emmc", "data": True} | disk)
    return Health(fps=0, cameras={}, parts={}, system=system, wear=WearHealth(disks={"mmcblk0": worn}))


@pytest.mark.parametrize(
    ("disk", "expected"),
    [
        ({"used_percent": 70, "reserve": "normal", "per_day_bytes": 5 * GB}, []),
        ({"used_percent": 80}, [("wear-mmcblk0", "warning")]),
        ({"reserve": "low"}, [("wear-mmcblk0", "warning")]),
        ({"used_percent": 110}, [("wear-mmcblk0", "critical")]),
        ({"reserve": "critical", "used_percent": 10}, [("wear-mmcblk0", "critical")]),
        ({"per_day_bytes": 30 * GB}, [("writes-mmcblk0", "warning")]),
        ({"per_day_bytes": 30 * GB, "data": False}, []),
        ({"per_day_bytes": 300 * GB, "kind": "nvme"}, []),
    ],
)
def test_wear_has_its_alerts_with_what_to_do(disk: dict[str, object], expected: list[tuple[str, str]]) -> None:
    found = faults(report(**disk), Thresholds())
    assert [(fault.id, fault.level) for fault in found] == expected
    assert all("; " in fault.text for fault in found)


def test_heat_is_worse_the_hotter_it_is() -> None:
    def levels(degrees: float, *throttled: str) -> list[tuple[str, str]]:
        health = report()
        system = health.system.model_copy(update={"temperature_c": degrees, "throttled": list(throttled)})
        return [(fault.id, fault.level) for fault in faults(health.model_copy(update={"system": system}), Thresholds())]

    assert levels(89) == []
    assert levels(91) == [("temperature", "warning")]
    assert levels(101, "gpu-throttle-alert") == [("temperature", "critical"), ("throttled", "warning")]
