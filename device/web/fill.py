"""Fill: what fills the disk, as a bar and in words: each class of files with its budget, how fast it comes and how long that lasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.storage import ShelfReport, StorageReport
from device.web.desk import Desk

NAMES = {
    "clips": "Clips",
    "sessions": "Sessions",
    "pictures": "Pictures of events",
    "snapshots": "Snapshots",
    "salvage": "Salvage",
    "exports": "Training data",
    "logs": "Logs",
    "models": "Models",
    "engines": "Engines",
    "journal": "Journal and lists",
}
STATES = {
    "ok": "Everything is within its bounds",
    "cleaning": "Making room",
    "pinned": "Everything left is pinned",
    "unacknowledged": "Training data waits for the trainer",
    "others": "Other things fill this disk",
    "untrusted": "Nothing is removed",
    "failing": "The disk refuses",
}
KEEPERS = ("record", "pictures", "takes", "export", "index", "storage")  # parts that write, or look after what was written
BUDGET_IS_USED = 0.98
MANY_DAYS = 3653
WIDTH = 1000.0  # of the bar, in its own units
RULES = {"age": "age", "budget": "budget", "watermark": "room for all"}


def days(count: float) -> str:
    """`3 hours`, `12 days`, `over a year`."""
    if count < 1 / 24:
        return "less than an hour"
    if count < 2:
        hours = round(count * 24)
        return f"{hours} hour{'s' if hours != 1 else ''}"
    if count < 366:
        return f"{round(count)} days"
    return f"{count / 365.25:.1f} years" if count < MANY_DAYS else "more than ten years"


def outlook(name: str, shelf: ShelfReport) -> str:
    """How long it lasts, as a sentence of a few words."""
    if name in {"models", "engines", "journal"}:
        return "only counted"
    if not shelf.bytes and not shelf.per_day_bytes:
        return "empty"
    if shelf.budget_bytes is None:
        return "no budget: bounded by the disk alone"
    if shelf.bytes >= BUDGET_IS_USED * shelf.budget_bytes:
        kept = f", {days(shelf.days_kept)} are kept" if shelf.days_kept is not None else ""
        return f"at its budget: the oldest goes as new comes{kept}" if shelf.per_day_bytes else f"at its budget{kept}"
    if shelf.per_day_bytes is None:
        return "how fast it fills is not known yet"
    if shelf.days_left is None:
        return "nothing comes"
    return f"full in about {days(shelf.days_left)}" if shelf.days_left < MANY_DAYS else "lasts more than ten years"


def row(name: str, shelf: ShelfReport) -> dict[str, Any]:
    part = None if not shelf.budget_bytes else min(1.0, shelf.bytes / shelf.budget_bytes)
    return {"name": name, "title": NAMES.get(name, name), "shelf": shelf, "part": part, "outlook": outlook(name, shelf)}


def bar(report: StorageReport) -> list[dict[str, Any]]:
    """What lies on the disk from left to right; what takes nothing is left out."""
    total = report.total_bytes or 0
    if not total:
        return []
    named = [(name, NAMES.get(name, name), shelf.bytes) for name, shelf in report.shelves.items()]
    named += [("other", "Everything else", report.other_bytes or 0), ("ballast", "Held back", report.ballast_bytes)]
    pieces, at = [], 0.0
    for name, title, size in named:
        width = min(WIDTH - at, WIDTH * size / total)
        if size > 0:
            pieces.append({"name": name, "title": title, "bytes": size, "x": round(at, 2), "width": round(max(width, 0.0), 2)})
        at += width
    return [*pieces, {"name": "free", "title": "Free", "bytes": report.free_bytes or 0, "x": round(at, 2), "width": round(WIDTH - at, 2)}]


def marks(report: StorageReport) -> list[dict[str, Any]]:
    """Where on the bar cleaning begins and where it ends."""
    total = report.total_bytes or 0
    named = [("cleaning begins", report.free_low_bytes), ("and ends", report.free_high_bytes)]
    known = [(title, free) for title, free in named if total and free]
    return [{"title": title, "free": free, "x": round(WIDTH * (1 - min(total, free) / total), 2)} for title, free in known]


def faults(desk: Desk) -> list[dict[str, str]]:
    """Parts that write to the disk and are not well, in the order of what they keep."""
    parts = desk.board.parts()
    return [{"name": n, "state": parts[n].state, "reason": parts[n].reason} for n in KEEPERS if n in parts and parts[n].state != "ok"]


def recorded(desk: Desk) -> Mapping[str, float | None]:
    """Of each camera the share that was kept of what was to be recorded; None: only events are."""
    gauges = desk.tally.gauges()
    return {camera: gauges.get((camera, "recorded")) for camera in desk.rings}


def badge(desk: Desk) -> dict[str, str]:
    """For every page: whether the disk, or anything that writes to it, needs somebody."""
    wrong = faults(desk)
    state = "failed" if any(each["state"] == "failed" for each in wrong) else "degraded" if wrong else "ok"
    return {"state": state, "text": "; ".join(f"{each['name']}: {each['reason'] or each['state']}" for each in wrong)}


def verdict(report: StorageReport, wrong: list[dict[str, str]]) -> dict[str, str]:
    """The heading of the page. Recording that has stopped comes before everything else."""
    record = next((each for each in wrong if each["name"] in {"record", "takes"}), None)
    if record:
        return {"state": record["state"], "text": "Recording has stopped" if record["state"] == "failed" else "Recording is disturbed"}
    state = "ok" if report.state in {"ok", "cleaning"} else next((e["state"] for e in wrong if e["name"] == "storage"), "degraded")
    return {"state": state, "text": STATES[report.state]}
