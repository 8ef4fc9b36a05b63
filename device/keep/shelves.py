"""Shelves: everything below the data folder by what it is; what is not for removal is counted all the same."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from device.clock import Clock
from device.keep.clips import ClipIndex, ClipShelf
from device.keep.exports import Exports, ExportShelf
from device.keep.files import FileShelf
from device.keep.sessions import SessionShelf
from device.keep.shelf import Fault, Foreign, Shelf, ours

ROTATED = re.compile(r"events-[0-9]{8}-[0-9]{6,}\.jsonl")


def shelves(
    data: Path,
    clock: Clock,
    on_fault: Fault,
    *,
    clips: ClipIndex | None = None,
    exports: Exports | None = None,
    recordings: str = "recordings",
    foreign: Foreign = ours,
) -> list[Shelf]:
    """All that there are. Without an index clips are counted only, and without its part so is training data. `recordings`: the folder
    of the sessions, below the data folder; empty: they lie elsewhere, and are somebody else's to keep."""
    files = partial(FileShelf, data=data, clock=clock, on_fault=on_fault, foreign=foreign)
    return [
        ClipShelf(clips) if clips else files("clips", folder="clips", removable=never),
        *([SessionShelf(data, recordings, on_fault, foreign)] if recordings else []),
        files("pictures", folder="events", by_day=True),
        files("snapshots", folder="snapshots", deep=False),
        files("salvage", folder="salvage", removable=seen),
        ExportShelf(exports, foreign) if exports else files("exports", folder="dataset", removable=never),
        files("logs", folder="log", deep=False, removable=rotated, grows=True),
        files("models", folder="models", removable=never),
        files("engines", folder="engines", removable=never),
        files("journal", folder="", deep=False, counted=seen, removable=never, grows=True),
    ]


def never(_name: str) -> bool:
    return False


def seen(name: str) -> bool:
    """In salvage all is put aside, whatever it is called; a hidden file is somebody's who is writing."""
    return not name.startswith(".")


def rotated(name: str) -> bool:
    """Of the logs only events of days gone by: what was removed, and why, stays to be read."""
    return ROTATED.fullmatch(name) is not None
