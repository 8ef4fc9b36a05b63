"""Wear: how worn the disks of this box are and how hot it is, as they say it themselves; what has no figures here, smartctl may know."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device.diagnosis.programs import output
from device.wear.disks import disks
from device.wear.heat import Heat
from device.wear.nvme import LogAt, read_log

SMART = ("ata_smart_attributes", "nvme_smart_health_information_log", "smart_status", "power_on_time")


def wear(sys: Path = Path("/sys"), log_at: LogAt = read_log) -> dict[str, Any]:
    """By disk; run by root it knows more."""
    found: dict[str, Any] = {}
    for disk in disks(sys / "block", log_at):
        found[disk.name] = {name: value for name, value in asdict(disk).items() if name != "name"}
        if disk.kind == "nvme":
            log = log_at(Path("/dev") / disk.name)
            found[disk.name]["log"] = log if isinstance(log, str) else asdict(log)
        elif disk.kind == "ssd":
            found[disk.name]["smart"] = _smart(disk.name)
    return {"disks": found, "heat": asdict(Heat(sys).look())}


def _smart(name: str) -> dict[str, Any] | str:
    said = output(["smartctl", "--json", "--all", f"/dev/{name}"])
    try:
        known = json.loads(said.text)
    except ValueError:
        return said.why or "smartctl said nothing that can be read"
    return {key: known[key] for key in SMART if key in known}
