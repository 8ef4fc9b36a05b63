"""Worn: what this box writes in a day, by class and by disk, and how worn its disks are; hourly sums outlive a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from contracts.errors import StorageError
from contracts.health import ShelfHealth
from contracts.wear import DiskWear, WearHealth
from device.clock import Clock
from device.rates import Rates
from device.wear.disks import Disk, disks, holding

log = logging.getLogger(__name__)
FILE = "wear.json"
OURS, DISK = "appliance", "disk."
REST = "rest"


class Worn:
    """`step` once a report. What cannot be written down is counted in memory."""

    def __init__(self, data: Path, clock: Clock, look: Callable[[], Iterable[Disk]] = disks) -> None:
        self._rates, self._look, self._data = Rates(data / FILE, clock), look, data
        self._told = False

    def step(self, written_bytes: int | None, shelves: Mapping[str, ShelfHealth]) -> WearHealth:
        found = list(self._look())
        counted = {f"{DISK}{disk.name}": disk.written_bytes for disk in found} | {OURS: written_bytes}
        self._see({name: count for name, count in counted.items() if count is not None})
        mine = self._rates.per_day(OURS) if written_bytes is not None else None
        on = holding(self._data)
        return WearHealth(
            per_day_bytes=mine, by_class=by_class(mine, shelves), disks={disk.name: self._disk(disk, on == disk.name) for disk in found}
        )

    def _see(self, counted: Mapping[str, int]) -> None:
        try:
            self._rates.see(counted, {})
        except StorageError as error:
            if not self._told:
                log.warning("%s; what this box writes in a day begins anew after a restart", error)
            self._told = True

    def _disk(self, disk: Disk, data: bool) -> DiskWear:
        per_day = self._rates.per_day(f"{DISK}{disk.name}") if disk.written_bytes is not None else None
        return DiskWear(
            kind=disk.kind, data=data, used_percent=disk.used_percent, reserve=disk.reserve, per_day_bytes=per_day, why=disk.why
        )


def by_class(whole: int | None, shelves: Mapping[str, ShelfHealth]) -> dict[str, int]:
    """Files by what came to each shelf; the rest is what databases and small state cost the disk."""
    known = {name: shelf.per_day_bytes for name, shelf in shelves.items() if shelf.per_day_bytes is not None}
    return known | ({REST: max(0, whole - sum(known.values()))} if whole is not None and known else {})
