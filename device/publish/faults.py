"""Faults: everything wrong in a report of health, how bad it is, and what its owner does about it. Rules over figures, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from contracts.health import Health, SystemHealth
from contracts.wear import DiskWear, Level, WearHealth
from device.pipeline.strict import Strict

GB, GiB = 10**9, 1 << 30
MEND = "`vedette doctor` says what it finds, and the log (`journalctl -u vedette`) what happened"
HOTTER = 10  # degrees above the threshold: damage is near


class Thresholds(Strict):
    lasting_s: float = Field(default=30, ge=0, description="a camera or part in trouble for so many seconds is an alert")
    clock_s: float = Field(default=300, ge=0, description="a clock that nobody sets for so many seconds is an alert")
    disk_free_percent: float = Field(default=3, ge=0, le=100, description="less free than this is an alert")
    temperature_c: float = Field(default=90, description="hotter than this for `lasting_s` is an alert; 10 degrees more is a critical one")
    wear_percent: int = Field(
        default=80, ge=1, le=100, description="of a disk's promised life that is used: a warning from here, critical at 100"
    )
    flash_gb_day: float = Field(
        default=20, gt=0, description="gigabytes a day written to an SD card or eMMC that has the data: more is a warning, for it wears out"
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong now; it becomes an alert when it has lasted `after_s`. `text` says what, which and, after `; `, what to do."""

    id: str
    level: Level
    text: str
    after_s: float
    camera: str | None = None

    @property
    def mend(self) -> str:
        return self.text.partition("; ")[2] or MEND


def faults(health: Health, thresholds: Thresholds) -> list[Fault]:
    found = [
        Fault(f"camera-{slug(name)}", "critical", f"camera {name}: {camera.reason or camera.state}", thresholds.lasting_s, name)
        for name, camera in health.cameras.items()
        if camera.state in {"retrying", "unplugged"}
    ]
    for name, part in health.parts.items():
        if part.state != "ok":
            level: Level = "critical" if part.state == "failed" else "warning"
            found.append(Fault(f"part-{slug(name)}", level, f"{name}: {part.reason}", thresholds.lasting_s))
    found += [Fault(f"worker-{slug(name)}", "critical", f"{name}: has stopped going round", 0) for name in health.late]
    found += _room(health.system, thresholds)
    found += _clock(health.system, thresholds)
    found += _heat(health.system, thresholds)
    return found + (list(_wear(health.wear, thresholds)) if health.wear else [])


def _room(system: SystemHealth, thresholds: Thresholds) -> Iterator[Fault]:
    if system.disk_total_bytes and system.disk_free_bytes is not None:
        percent = 100 * system.disk_free_bytes / system.disk_total_bytes
        if percent < thresholds.disk_free_percent:
            text = f"disk: {system.disk_free_bytes / GiB:.1f} GiB ({percent:.1f} %) free; delete recordings or give them less room"
            yield Fault("disk", "critical", text, 0)


def _clock(system: SystemHealth, thresholds: Thresholds) -> Iterator[Fault]:
    if system.clock == "unsynced":
        text = "clock: nobody sets it, so times of events and clips may be wrong; give the box a time server"
        yield Fault("clock", "warning", text, thresholds.clock_s)
    if system.clock == "rtc":
        text = "clock: runs on its battery alone and drifts; give the box a time server, or leave it where seconds do not matter"
        yield Fault("clock-battery", "info", text, thresholds.clock_s)


def _heat(system: SystemHealth, thresholds: Thresholds) -> Iterator[Fault]:
    degrees, most = system.temperature_c, thresholds.temperature_c
    if degrees is not None and degrees > most:
        level: Level = "critical" if degrees > most + HOTTER else "warning"
        yield Fault("temperature", level, f"temperature: {degrees:.0f} degrees; check fan and airflow", thresholds.lasting_s)
    if system.throttled:
        text = f"slowed: the box runs slower than it can ({', '.join(system.throttled)}); check fan, airflow and power supply"
        yield Fault("throttled", "warning", text, thresholds.lasting_s)


def _wear(wear: WearHealth, thresholds: Thresholds) -> Iterator[Fault]:
    for name, disk in wear.disks.items():
        yield from _used(name, disk, thresholds)
        flash = disk.data and disk.kind in {"sd", "emmc"}
        if flash and disk.per_day_bytes is not None and disk.per_day_bytes > thresholds.flash_gb_day * GB:
            text = f"disk {name}: {disk.per_day_bytes / GB:.0f} GB a day wear out its flash; record less, or put `data` on an NVMe or SSD"
            yield Fault(f"writes-{slug(name)}", "warning", text, thresholds.lasting_s)


def _used(name: str, disk: DiskWear, thresholds: Thresholds) -> Iterator[Fault]:
    used = disk.used_percent or 0
    replace = "copy what you need and replace it"
    if disk.reserve == "critical" or used >= 100:
        words = "its spare blocks are used up" if disk.reserve == "critical" else f"{used} % of its promised life is used"
        yield Fault(f"wear-{slug(name)}", "critical", f"disk {name}: {words}, and it may stop writing any day; {replace} now", 0)
    elif disk.reserve == "low" or used >= thresholds.wear_percent:
        words = "most of its spare blocks are used" if disk.reserve == "low" else f"{used} % of its promised life is used"
        yield Fault(f"wear-{slug(name)}", "warning", f"disk {name}: {words}; plan to {replace}", 0)


def slug(name: str) -> str:
    """A name as it may stand in a topic."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50] or "unnamed"
