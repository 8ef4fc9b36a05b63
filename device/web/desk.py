"""Desk: everything the page can see of the appliance, and nothing it could change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from contracts.clip import Clip
from contracts.event import Event
from contracts.storage import StorageReport
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.hub import Hub
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from vision.types import Planes, Scene

Polygon = Sequence[tuple[float, float]]  # corners, 0 to 1 of the picture's width and height


class Past(Protocol):
    """An event's latest message; `number` counts events as they began."""

    @property
    def number(self) -> int: ...
    @property
    def event(self) -> Event: ...


class History(Protocol):
    """The events that are kept. Called from several threads."""

    def recent(
        self,
        limit: int = 50,
        before: int | None = None,
        *,
        camera: str | None = None,
        label: str | None = None,
        kind: str | None = None,
    ) -> Sequence[Past]:
        """Newest first; the last one's number is the next page's `before`."""
        ...

    def find(self, event_id: UUID) -> Event | None: ...


class StoredClip(Protocol):
    """A clip on disk: its manifest, and where its video is, relative to the data folder."""

    @property
    def manifest(self) -> Clip: ...
    @property
    def video(self) -> str: ...


class Clips(Protocol):
    """The clips that are kept. Called from several threads."""

    def clips(
        self, limit: int, before: datetime | None = None, camera: str | None = None, event_id: UUID | None = None
    ) -> Sequence[StoredClip]:
        """Newest first; `before`: those that start earlier."""
        ...


@dataclass(frozen=True)
class Desk:
    device_id: str
    profile: str
    version: str
    clock: Clock
    board: Board
    tally: Tally
    rings: Mapping[str, PacketRing]  # encoded packets by camera
    scenes: Hub[Scene]  # every analysed scene
    events: Hub[Event]  # every message of every event, as it comes
    history: History
    clips: Clips
    data: Path  # the folder with events/<day>/<id>.jpg and clips/
    health: Callable[[], BaseModel]
    still: Callable[[Packet], Planes | None]  # a key frame decoded by itself, upright; None: there is no picture in it
    storage: Callable[[], StorageReport | None] = lambda: None  # what fills the disk
    zones: Mapping[str, Mapping[str, Polygon]] = field(default_factory=dict)  # camera -> zone -> corners
    exports: Mapping[str, Path] = field(default_factory=dict)  # data sets that the trainer may fetch, by name
    model: str | None = None  # digest of the bundle that is looking, sha256:<hex>
