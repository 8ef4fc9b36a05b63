"""Words: states and quantities as a person reads them; the page and the API say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from contracts.health import Health
from contracts.storage import StorageReport
from device.pipeline.board import CameraState
from device.web import fill
from device.web.desk import Desk

CLOCK = {
    "ntp": ("ok", "clock synchronised"),
    "rtc": ("degraded", "clock from its battery, not synchronised"),
    "unsynced": ("failed", "clock not set: times may be wrong"),
}
CAMERA = {
    "starting": ("degraded", "starting"),
    "online": ("ok", "online"),
    "retrying": ("failed", "no picture, trying again"),
    "unplugged": ("failed", "unplugged"),
    "ended": ("idle", "ended"),
    "stopped": ("idle", "stopped"),
}
GATE = {"off": "", "idle": "nothing moves", "watching": "watching", "active": "motion"}
LEVELS = {"info": "idle", "warning": "degraded", "critical": "failed"}
NO_BROKER = "no broker: events stay on this box"


def clock(desk: Desk) -> dict[str, str]:
    state, text = CLOCK[desk.clock.state()]
    return {"state": state, "text": text}


def broker(desk: Desk) -> dict[str, str]:
    part = desk.board.parts().get("mqtt")
    if part is None:
        return {"state": "idle", "text": NO_BROKER}
    if part.state == "ok":
        return {"state": "ok", "text": part.reason or "broker connected"}
    return {"state": part.state, "text": f"broker: {part.reason or part.state}"}


def camera(name: str, now: CameraState) -> dict[str, Any]:
    state, text = CAMERA[now.state]
    return {
        "name": name,
        "state": state,
        "word": now.state,
        "text": text,
        "reason": now.reason,
        "gate": now.gate,
        "gate_text": GATE[now.gate],
        "picture": f"{now.width} × {now.height}" if now.width else "",
        "codec": now.codec,
        "reconnects": now.reconnects,
        "since_ms": now.since_wall_ns // 1_000_000,
    }


def cameras(desk: Desk) -> list[dict[str, Any]]:
    """Those on the board and those with a ring, each once, in the order of the configuration."""
    board = desk.board.cameras()
    names = dict.fromkeys([*desk.rings, *board])
    return [camera(name, board.get(name, CameraState())) for name in names]


def parts(desk: Desk) -> list[dict[str, Any]]:
    board = sorted(desk.board.parts().items())
    return [{"name": n, "state": p.state, "reason": p.reason, "since_ms": p.since_wall_ns // 1_000_000} for n, p in board]


def status(desk: Desk) -> dict[str, Any]:
    return {
        "type": "status",
        "device": desk.device_id,
        "profile": desk.profile,
        "version": desk.version,
        "model": desk.looking,
        "clock": clock(desk),
        "broker": broker(desk),
        "cameras": cameras(desk),
        "parts": parts(desk),
        "storage": fill.badge(desk),
        "wall_ms": desk.clock.wall_ns() // 1_000_000,
    }


def troubles(desk: Desk) -> list[str]:
    """Why the box is not well; nothing: it is. A missing broker is no trouble, a camera without a picture is one."""
    dark = [c for c in cameras(desk) if c["word"] in {"starting", "retrying", "unplugged", "stopped"}]
    failed = [p for p in parts(desk) if p["state"] == "failed"]
    return [f"camera {c['name']}: {c['reason'] or c['text']}" for c in dark] + [f"{p['name']}: {p['reason'] or 'failed'}" for p in failed]


def alerts(desk: Desk) -> list[dict[str, str]]:
    """What stands, the worst first, and what to do about it."""
    health = desk.health()
    standing = health.alerts if isinstance(health, Health) else []
    return [{"id": a.id, "level": a.level, "state": LEVELS[a.level], "what": a.text.partition("; ")[0], "mend": a.mend} for a in standing]


def storage(report: StorageReport | None) -> str:
    """What the health page says in one line."""
    if report is None:
        return "nobody looks after it"
    left = f", lasts about {fill.days(report.days_left)}" if report.days_left is not None else ""
    return f"{fill.STATES[report.state].lower()}{left}" if report.state != "ok" or not left else left.removeprefix(", ")


def short_digest(digest: str | None) -> str:
    return digest.removeprefix("sha256:")[:12] if digest else "none"


def lasted(start_pts_ns: int, end_pts_ns: int) -> str:
    """Of media time: the wall clock may have been set in between."""
    return seconds((end_pts_ns - start_pts_ns) / 1e9)


def seconds(total: float) -> str:
    """`0.8 s`, `42 s`, `3 min 5 s`."""
    if total < 10:
        return f"{total:.1f} s"
    if total < 60:
        return f"{total:.0f} s"
    return f"{int(total // 60)} min {int(total % 60)} s"


def query(chosen: Mapping[str, object], **more: object) -> str:
    """`?camera=yard&day=2026-11-22` of what was chosen; what is empty is left out."""
    said = {key: value for key, value in (dict(chosen) | more).items() if value not in {None, ""}}
    return f"?{urlencode(said)}" if said else ""


def span(seconds_: float) -> str:
    """`40 s`, `3 hours`, `12 days`."""
    return seconds(seconds_) if seconds_ < 3600 else fill.days(seconds_ / 86400)


def size(count: int) -> str:
    """`812 B`, `4.2 kB`, `13 MB`."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 10 or units[0] == "B" else f"{value:.1f} {units[0]}"
