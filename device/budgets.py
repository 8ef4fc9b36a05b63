"""Budgets: whether what the owner allots fits on the disk, and how the disk stands."""

from __future__ import annotations

from device.config import Settings
from device.findings import Finding
from device.keep.amounts import amount_bytes, written
from device.keep.options import Keeping, StorageOptions
from device.keep.room import Marks, Room, look, marks
from device.probes import nearest

WHAT = "storage"


def storage(settings: Settings) -> Finding:
    """Errors are of the configuration; a disk that is short now is a warning, the janitor will see to it."""
    reserve_bytes = settings.record.reserve_mb * 1_000_000 if settings.record else 0
    try:
        room = look(nearest(settings.data))
    except OSError as error:
        return Finding(WHAT, "error", f"{settings.data}: its file system does not tell its room: {error.strerror}", "see dmesg")
    return judged(settings.storage, room, marks(settings.storage, room, reserve_bytes))


def judged(options: StorageOptions, room: Room, bounds: Marks) -> Finding:
    budgets = _budgets(options, room)
    allotted = sum(budgets.values())
    said = f"{written(room.total_bytes)}, {written(room.free_bytes)} free; budgets {written(allotted)}"
    each = ", ".join(f"{name} {written(size)}" for name, size in budgets.items())
    if allotted > room.total_bytes:
        text = f"budgets of {written(allotted)} on a disk of {written(room.total_bytes)} ({each})"
        return Finding(WHAT, "error", text, "give less to one of them, as `storage.clips.budget`: together at most the disk, better less")
    low, high = (amount_bytes(text, room.total_bytes) for text in (options.free_low, options.free_high))
    if low >= high:
        text = f"free_low ({written(low)}) is not below free_high ({written(high)})"
        return Finding(WHAT, "error", text, "cleaning begins at storage.free_low and ends at storage.free_high: make that the larger")
    if high >= room.total_bytes:
        return Finding(WHAT, "error", f"free_high is {written(high)} of {written(room.total_bytes)}", "lower storage.free_high")
    if allotted > room.total_bytes - bounds.high:
        mend = f"leave {written(bounds.high)} of the disk without a budget, or room is short before a budget is reached"
        return Finding(WHAT, "warning", f"{said} ({each})", mend)
    if room.free_bytes < bounds.low:
        return Finding(
            WHAT, "warning", said, f"less than {written(bounds.low)} is free: the oldest goes as soon as the box runs; make room"
        )
    return Finding(WHAT, "ok", f"{said}; below {written(bounds.low)} free the oldest goes, up to {written(bounds.high)}")


def _budgets(options: StorageOptions, room: Room) -> dict[str, int]:
    keeping = {name: getattr(options, name) for name in StorageOptions.model_fields}
    return {
        name: amount_bytes(each.budget, room.total_bytes) for name, each in keeping.items() if isinstance(each, Keeping) and each.budget
    }
