"""Shelves: everything below the data folder by what it is; what is not for removal is counted all the same."""

from __future__ import annotations

import re
from pathlib import Path

from device.clock import Clock
from device.keep.clips import ClipIndex, ClipShelf
from device.keep.exports import Exports, ExportShelf
from device.keep.files import FileShelf
from device.keep.shelf import Fault, Shelf

ROTATED = re.compile(r"events-[0-9]{8}-[0-9]{6,}\.jsonl")


def shelves(data: Path, clock: Clock, on_fault: Fault, *, clips: ClipIndex | None = None, exports: Exports | None = None) -> list[Shelf]:
    """All that there are. Without an index clips are counted only, and without its part so is training data."""
    found: list[Shelf] = [
        ClipShelf(clips) if clips else FileShelf("clips", data, "clips", clock, on_fault, removable=never),
        FileShelf("pictures", data, "events", clock, on_fault, by_day=True),
        FileShelf("snapshots", data, "snapshots", clock, on_fault, deep=False),
        FileShelf("salvage", data, "salvage", clock, on_fault, removable=seen),
        ExportShelf(exports) if exports else FileShelf("exports", data, "dataset", clock, on_fault, removable=never),
        FileShelf("logs", data, "log", clock, on_fault, deep=False, removable=rotated, grows=True),
    ]
    found += [FileShelf(name, data, name, clock, on_fault, removable=never) for name in ("models", "engines")]
    return [*found, FileShelf("journal", data, "", clock, on_fault, deep=False, counted=seen, removable=never, grows=True)]


def never(_name: str) -> bool:
    return False


def seen(name: str) -> bool:
    """In salvage all is put aside, whatever it is called; a hidden file is somebody's who is writing."""
    return not name.startswith(".")


def rotated(name: str) -> bool:
    """Of the logs only events of days gone by: what was removed, and why, stays to be read."""
    return ROTATED.fullmatch(name) is not None
