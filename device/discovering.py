"""Discovering: whether and what Home Assistant is told of this box."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from device.config import Loaded
from device.inventory import board
from device.publish.discovery import Discovery
from device.publish.discovery_parts import Shown
from device.publish.notices import Notices

REPORTS = 6  # of health that may be missing before its figures count for nothing


def discover(loaded: Loaded, data: Path, notices: Notices, *, updates: bool) -> None:
    """Once at the start: cameras and options do not change while a box runs."""
    settings = loaded.settings
    discovery = Discovery(notices, data / "discovery.json")
    wanted = settings.mqtt.home_assistant if settings.mqtt else None
    if wanted is None:
        discovery.silent(settings.device_id)
        return
    expire_s = max(60, int(settings.health.interval_s * REPORTS))
    shown = Shown(settings.device_id, tuple(settings.cameras), updates, settings.record is not None, expire_s)
    software = version("vedette")
    discovery.say(wanted, shown, {"model": board(), "sw_version": software}, software)
