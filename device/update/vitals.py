"""Vitals: how well the box is, before a configuration and with it; rules over figures, no I/O."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from contracts.wire import Wire
from device.pipeline.board import Board
from device.pipeline.tally import Tally

RANKS = {"ok": 0, "degraded": 1, "failed": 2}
OWN = frozenset({"update", "config"})  # what says how the trial itself goes


class Vitals(Wire):
    """At one moment. Kept on the disk over the restart that puts a configuration in force."""

    online: dict[str, bool] = Field(default_factory=dict, description="camera -> whether it is; those that are configured")
    looked_at: dict[str, int] = Field(default_factory=dict, description="camera -> frames that were looked at, by the model or by the gate")
    parts: dict[str, str] = Field(default_factory=dict, description="part -> ok, degraded or failed")
    starting: bool = Field(default=False, description="a camera was not tried to its end yet: this says nothing so far")
    ended: list[str] = Field(default_factory=list, description="cameras that will not come back: films that came to their end")
    reasons: dict[str, str] = Field(default_factory=dict, description="of cameras and parts that are not well")


def vitals(board: Board, tally: Tally) -> Vitals:
    cameras, parts = board.cameras(), {name: part for name, part in board.parts().items() if name not in OWN}
    counts = tally.counts()
    looked_at = {
        name: sum(n for (camera, what, _), n in counts.items() if camera == name and what in {"analysed", "gated"}) for name in cameras
    }
    states: Mapping[str, str] = {name: f"{part.state}: {part.reason}" for name, part in parts.items() if part.state != "ok"}
    away = {name: f"{camera.state}: {camera.reason}".rstrip(": ") for name, camera in cameras.items() if camera.state != "online"}
    return Vitals(
        online={name: camera.state == "online" for name, camera in cameras.items()}, looked_at=looked_at,
        parts={name: part.state for name, part in parts.items()}, reasons={**states, **away},
        ended=[name for name, camera in cameras.items() if camera.state == "ended"],
        starting=any(camera.state == "starting" for camera in cameras.values()),
    )  # fmt: skip


def worse(before: Vitals, now: Vitals, cameras: frozenset[str]) -> str:
    """The first thing that is not as well as it was. `cameras`: of the new configuration, in which some may be missing on purpose."""
    for name, was in before.online.items():
        if was and name in cameras and not now.online.get(name, False):
            return f"camera {name} was online before, and is not: {now.reasons.get(name, 'it has not come up')}"
    for name in sorted(cameras - set(before.online)):
        if not now.online.get(name, False):
            return f"camera {name} is new, and does not come online: {now.reasons.get(name, 'it has not come up')}"
    for name, state in now.parts.items():
        if RANKS.get(state, 2) > RANKS.get(before.parts.get(name, "ok"), 0):
            return f"{name} is worse than before: {now.reasons.get(name, state)}"
    return ""


def hopeless(before: Vitals, now: Vitals, cameras: frozenset[str]) -> str:
    """What waiting does not mend."""
    gone = next((name for name in now.ended if name in cameras and before.online.get(name, True)), None)
    return f"camera {gone} was online before, and came to its end" if gone else ""


def unseen(before: Vitals, begin: Vitals, now: Vitals, cameras: frozenset[str]) -> str:
    """A camera of which nothing was looked at since `begin`, though it was before."""
    for name in sorted(cameras):
        was = before.looked_at.get(name, 0) > 0 or name not in before.looked_at
        if was and now.online.get(name) and now.looked_at.get(name, 0) <= begin.looked_at.get(name, 0):
            return f"camera {name}: nothing of it is looked at any more"
    return ""
