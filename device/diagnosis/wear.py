"""Wear: how worn the flash of this box is, as its controllers say it; not every disk says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from device.diagnosis.programs import output

TENTHS = {0: "not told", **{n: f"{(n - 1) * 10} to {n * 10} % used" for n in range(1, 11)}, 11: "beyond what it was made for"}
RESERVES = {1: "normal", 2: "80 % of the spare blocks are used", 3: "90 % of the spare blocks are used"}
SMART = ("percentage_used", "available_spare", "data_units_written", "media_errors", "unsafe_shutdowns", "critical_warning")


def wear(blocks: Path = Path("/sys/block")) -> dict[str, Any]:
    """By device: eMMC and SD by JESD84-B51's life time estimate, the others by smartctl where it is there and allowed."""
    found: dict[str, Any] = {}
    for block in sorted(blocks.glob("*")):
        if block.name.startswith("mmcblk"):
            found[block.name] = _emmc(block / "device")
        elif block.name.startswith(("nvme", "sd")):
            found[block.name] = _smart(block.name)
    return found


def _emmc(device: Path) -> dict[str, Any]:
    lives, reserve = _hex(device / "life_time"), _hex(device / "pre_eol_info")
    return {
        "life": [TENTHS.get(life, "not told") for life in lives],
        "reserve": RESERVES.get(reserve[0], "not told") if reserve else "not told",
    }


def _hex(path: Path) -> list[int]:
    try:
        return [int(word, 16) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []


def _smart(name: str) -> dict[str, Any]:
    said = output(["smartctl", "--json", "--all", f"/dev/{name}"])
    try:
        known = json.loads(said.text)
    except ValueError:
        return {"smart": said.why or "smartctl said nothing that can be read"}
    nvme = known.get("nvme_smart_health_information_log", {})
    return {"smart": {key: nvme[key] for key in SMART if key in nvme}, "passed": known.get("smart_status", {}).get("passed")}
