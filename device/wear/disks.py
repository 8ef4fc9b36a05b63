"""Disks: which there are, which one has the data, what was written to each, and how worn each is, as far as sysfs says it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.wear import Reserve
from device.wear.nvme import LogAt, read_log

SECTOR_BYTES = 512  # of /sys/block/*/stat, whatever the disk's own are
LONGEST_NAME = 32
VIRTUAL = ("loop", "ram", "zram", "dm-", "md", "nbd", "sr", "fd")
RESERVES: dict[int, Reserve] = {1: "normal", 2: "low", 3: "critical"}  # JESD84-B51, PRE_EOL_INFO
BEYOND = 11  # JESD84-B51, DEVICE_LIFE_TIME_EST: 1 is up to 10 %, 10 up to 100 %, 11 more
Kind = Literal["emmc", "sd", "nvme", "ssd", "disk"]


@dataclass(frozen=True, slots=True)
class Disk:
    name: str
    kind: Kind
    used_percent: int | None = None  # of its promised life; the upper end where a step of ten is told
    reserve: Reserve | None = None
    written_bytes: int | None = None  # since the machine started
    why: str = ""  # its life is not told


def disks(blocks: Path = Path("/sys/block"), log_at: LogAt = read_log) -> Iterator[Disk]:
    """Without those that are only a view of another."""
    for block in sorted(blocks.glob("*")):
        if not block.name.startswith(VIRTUAL) and len(block.name) <= LONGEST_NAME:
            yield _disk(block, log_at)


def _disk(block: Path, log_at: LogAt) -> Disk:
    written = _written(block)
    if block.name.startswith("mmcblk"):
        return _flash(block, written)
    if block.name.startswith("nvme"):
        log = log_at(Path("/dev") / block.name)
        if isinstance(log, str):
            return Disk(block.name, "nvme", written_bytes=written, why=log)
        return Disk(block.name, "nvme", log.used_percent, log.reserve, written)
    turning = _text(block / "queue/rotational") != "0"
    why = "only the kernel's figures are read here; `smartctl -a` (package smartmontools) may know more"
    return Disk(block.name, "disk" if turning else "ssd", written_bytes=written, why=why)


def _flash(block: Path, written: int | None) -> Disk:
    """eMMC from version 5.0 on says how worn it is; SD cards do not."""
    kind: Kind = "emmc" if _text(block / "device/type").upper() == "MMC" else "sd"
    lives = [life for life in _hex(block / "device/life_time") if 1 <= life <= BEYOND]
    reserve = next((RESERVES[each] for each in _hex(block / "device/pre_eol_info") if each in RESERVES), None)
    if not lives:
        why = "SD cards do not tell" if kind == "sd" else "this eMMC does not tell"
        return Disk(block.name, kind, None, reserve, written, why)
    return Disk(block.name, kind, max(lives) * 10, reserve, written)


def holding(folder: Path, numbers: Path = Path("/sys/dev/block")) -> str:
    """The disk that a folder is on; nothing where it is on none: memory, a network, an overlay."""
    try:
        device = folder.stat().st_dev
        place = (numbers / f"{os.major(device)}:{os.minor(device)}").resolve(strict=True)
        for _ in range(8):  # an encrypted volume on a group of volumes on a partition, ...
            below = sorted((place / "slaves").iterdir()) if (place / "slaves").is_dir() else []
            if not below:
                break
            place = below[0].resolve(strict=True)
    except OSError:
        return ""
    return place.parent.name if (place / "partition").exists() else place.name


def _written(block: Path) -> int | None:
    """Documentation/block/stat.rst: the seventh figure."""
    try:
        return int(_text(block / "stat").split()[6]) * SECTOR_BYTES
    except (ValueError, IndexError):
        return None


def _hex(path: Path) -> list[int]:
    try:
        return [int(word, 16) for word in _text(path).split()]
    except ValueError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""
