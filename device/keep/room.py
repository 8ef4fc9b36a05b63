"""Room: what is free on the file system, bytes and inodes, and where cleaning begins and ends."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from device.keep.amounts import amount_bytes
from device.keep.options import StorageOptions

LEAST_SHARE = 100  # the floor is at least a hundredth of the disk
MARGIN = 1.25  # and somewhat more than the recorder's reserve


@dataclass(frozen=True, slots=True)
class Room:
    total_bytes: int
    free_bytes: int  # for this user: without what the file system keeps for root
    total_inodes: int  # 0: this file system does not count them
    free_inodes: int


def look(folder: Path) -> Room:
    disk = os.statvfs(folder)
    return Room(disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize, disk.f_files, disk.f_favail)


@dataclass(frozen=True, slots=True)
class Marks:
    """Free bytes: below `low` room is made up to `high`; below `floor` recording stops."""

    floor: int
    low: int
    high: int
    inodes_low: int
    inodes_high: int


def marks(options: StorageOptions, room: Room, reserve_bytes: int) -> Marks:
    """`reserve_bytes`: with less free recording stops, so cleaning begins well before, whatever the owner wrote."""
    floor = max(int(reserve_bytes * MARGIN), room.total_bytes // LEAST_SHARE)
    low = max(floor, amount_bytes(options.free_low, room.total_bytes))
    high = max(low + floor // 4, amount_bytes(options.free_high, room.total_bytes))
    inodes_low = amount_bytes(options.inodes_low, room.total_inodes) if room.total_inodes else 0
    inodes_high = max(inodes_low, amount_bytes(options.inodes_high, room.total_inodes)) if room.total_inodes else 0
    return Marks(floor, low, high, inodes_low, inodes_high)


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands at one moment."""

    room: Room
    marks: Marks


@dataclass(frozen=True, slots=True)
class Need:
    """What has to go: bytes and files."""

    bytes: int = 0
    files: int = 0

    def __bool__(self) -> bool:
        return self.bytes > 0 or self.files > 0

    def less(self, size: int, files: int) -> Need:
        return Need(max(0, self.bytes - size), max(0, self.files - files))


def short(room: Room, marks: Marks) -> bool:
    return room.free_bytes < marks.low or room.free_inodes < marks.inodes_low


def plenty(room: Room, marks: Marks) -> bool:
    return room.free_bytes >= marks.high and room.free_inodes >= marks.inodes_high


def full(room: Room, marks: Marks) -> bool:
    """Recording stops, or is about to."""
    return room.free_bytes < marks.floor or (room.total_inodes > 0 and room.free_inodes < max(1, marks.inodes_low // 4))


def need(room: Room, marks: Marks, removable_bytes: int) -> Need:
    """Up to the high mark. Where all that may go would not reach it, others fill the disk: then only what recording cannot do without."""
    goal = marks.high if room.free_bytes + removable_bytes >= marks.high else marks.floor
    return Need(max(0, goal - room.free_bytes), max(0, marks.inodes_high - room.free_inodes))
