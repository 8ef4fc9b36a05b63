"""Wear: what a box writes in a day, how worn its disks are, and what its heat does to it."""

from typing import Literal

from pydantic import Field

from contracts.wire import Wire

Level = Literal["info", "warning", "critical"]
Reserve = Literal["normal", "low", "critical"]


class DiskWear(Wire):
    kind: Literal["emmc", "sd", "nvme", "ssd", "disk"]
    data: bool = Field(default=False, description="the data folder is on it")
    used_percent: int | None = Field(default=None, description="of the life its maker promised; above 100: beyond it; null: it is not told")
    reserve: Reserve | None = Field(default=None, description="spare blocks; low: most are used, critical: it may soon refuse to write")
    per_day_bytes: int | None = Field(default=None, description="written to it in a day by everything on this machine; null: not known yet")
    why: str = Field(default="", description="why its life is not told")


class WearHealth(Wire):
    """Rates are over the last week at most, by the hour, and known after the first."""

    per_day_bytes: int | None = Field(default=None, description="written in a day by the appliance, as the kernel counts it")
    by_class: dict[str, int] = Field(
        default_factory=dict, description="the same by class of files: clips, pictures, exports, ...; `rest`: databases and small state"
    )
    disks: dict[str, DiskWear] = Field(default_factory=dict)
