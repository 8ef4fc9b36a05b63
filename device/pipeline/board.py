"""Board: the state of every camera and part in words; whoever runs one writes it, health and the page read it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any, Literal

CameraWord = Literal["starting", "online", "retrying", "unplugged", "ended", "stopped"]
GateWord = Literal["off", "idle", "watching", "active"]
PartWord = Literal["ok", "degraded", "failed"]


@dataclass(frozen=True, slots=True)
class CameraState:
    state: CameraWord = "starting"
    reason: str = ""  # why it is not online, in a sentence the owner can act on
    since_wall_ns: int = 0
    reconnects: int = 0
    codec: str = ""
    width: int = 0
    height: int = 0
    gate: GateWord = "off"


@dataclass(frozen=True, slots=True)
class PartState:
    """A part that is not a camera: mqtt, record, outbox, page, model, ..."""

    state: PartWord
    reason: str = ""
    since_wall_ns: int = 0


class Board:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: dict[str, CameraState] = {}
        self._parts: dict[str, PartState] = {}

    def camera(self, camera: str, **changes: Any) -> None:
        """Change some fields of a camera's state."""
        with self._lock:
            self._cameras[camera] = replace(self._cameras.get(camera, CameraState()), **changes)

    def part(self, name: str, state: PartWord, reason: str = "", wall_ns: int = 0) -> None:
        """`since_wall_ns` moves only when the state does."""
        with self._lock:
            old = self._parts.get(name)
            since = old.since_wall_ns if old and old.state == state else wall_ns
            self._parts[name] = PartState(state, reason, since)

    def cameras(self) -> dict[str, CameraState]:
        with self._lock:
            return dict(self._cameras)

    def parts(self) -> dict[str, PartState]:
        with self._lock:
            return dict(self._parts)
