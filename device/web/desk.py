"""Desk: everything the page can see of the appliance, and through `recordings` and `sessions` all that it can change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel

from contracts.clip import Clip, Trigger
from contracts.drift import DriftNow
from contracts.event import Event
from contracts.session import SessionManifest
from contracts.storage import StorageReport
from contracts.takes import TakeManifest
from contracts.update import UpdateReport
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.hub import Hub
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.web.setup_owner import Owner
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


class Message(Protocol):
    """One message of an event's life under its number; `body` is the event as JSON."""

    @property
    def seq(self) -> int: ...
    @property
    def camera(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> str | None: ...
    @property
    def body(self) -> str: ...


class Unsaved(Protocol):
    """A message without a number yet; `id` is its own, not the event's."""

    @property
    def id(self) -> str: ...
    @property
    def event(self) -> Event: ...


class Messages(Protocol):
    """The last messages of all events, by number, as far as they are on the disk. Called from several threads."""

    @property
    def last_seq(self) -> int: ...
    def first_kept(self) -> int:
        """The oldest number there is; one after the last while nothing is kept."""
        ...

    def since(self, after: int, limit: int) -> Sequence[Message]:
        """The next ones after that number, in order; none when there is none, or the disk is in trouble."""
        ...

    def unsaved(self) -> Sequence[Unsaved]:
        """What waits in memory because the disk takes nothing, and comes by number when it does; none while all is well. At once."""
        ...

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """`wake` is called, from any thread, when there is more, until what is returned is called."""
        ...


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which clips are asked for; None: any."""

    before: datetime | None = None  # began earlier
    camera: str | None = None
    day: str | None = None  # `2026-11-22`, UTC
    pinned: bool | None = None
    trigger: Trigger | None = None


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """Which disk the recordings are on. `fault`: why it is not sure to be this box's; `untrusted`: why its index is not believed yet."""

    id: str
    fault: str = ""
    untrusted: str = ""
    broken: int = 0  # manifests that cannot be read


class KeptClip(StoredClip, Protocol):
    @property
    def pinned(self) -> bool: ...


class Recordings(Protocol):
    """The clips and what their owner may do with them. Called from several threads; StorageError where the disk refuses."""

    def page(self, limit: int, which: Wanted) -> tuple[Sequence[KeptClip], datetime | None]:
        """Newest start first, and `before` of the next page; None: that was all."""
        ...

    def group(self, group: UUID) -> Sequence[KeptClip]:
        """All clips of one recording, oldest first."""
        ...

    def pin(self, clip: UUID, pinned: bool) -> int:
        """The files of how many clips; 0: there is none of that id."""
        ...

    def remove(self, clip: UUID) -> int:
        """Bytes that became free; StorageError for one that is pinned."""
        ...

    def disk(self) -> DiskFacts: ...


class KeptTake(Protocol):
    """`manifest` None: it is not finished. `missing`: files it names that are not there, or have another size."""

    @property
    def name(self) -> str: ...
    @property
    def manifest(self) -> TakeManifest | None: ...
    @property
    def missing(self) -> tuple[str, ...]: ...


class KeptSession(Protocol):
    @property
    def manifest(self) -> SessionManifest: ...
    @property
    def pinned(self) -> bool: ...


S = TypeVar("S", bound=KeptSession)


class Sessions(Protocol[S]):
    """The sessions that are kept. Called from several threads; StorageError where the disk refuses."""

    @property
    def root(self) -> Path: ...
    def sessions(self, limit: int, before: str | None = None) -> Sequence[S]:
        """Newest first; `before`: those that began earlier than the session of that id."""
        ...

    def find(self, session_id: str) -> S | None: ...
    def takes(self, session: S) -> Sequence[KeptTake]: ...
    def pin(self, session_id: str, pinned: bool) -> bool: ...


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
    history: History
    messages: Messages
    clips: Clips
    data: Path  # the folder with events/<day>/<id>.jpg and clips/
    health: Callable[[], BaseModel]
    still: Callable[[Packet], Planes | None]  # a key frame decoded by itself, upright; None: there is no picture in it
    storage: Callable[[], StorageReport | None] = lambda: None  # what fills the disk
    zones: Mapping[str, Mapping[str, Polygon]] = field(default_factory=dict)  # camera -> zone -> corners
    owner: Owner | None = None  # None: nothing can be set on the page
    recordings: Recordings | None = None  # None: clips are shown, and nothing can be changed
    sessions: Sessions[Any] | None = None
    exporting: bool = False  # training data is being written
    exports: Mapping[str, Path] = field(default_factory=dict)  # data sets that the trainer may fetch, by name
    model: str | None = None  # digest of the bundle that is looking, sha256:<hex>
    drift: Callable[[], DriftNow | None] = lambda: None  # what is seen, as histograms; None: it is not counted
    serving: Callable[[], str | None] = lambda: None  # that digest now, where it may change
    update: Callable[[], UpdateReport | None] = lambda: None  # what becomes of what is pushed; None: nothing is, or nothing was said yet
    called: Callable[[str], str] = lambda _: ""  # name and version of a model on this box, by its digest

    @property
    def looking(self) -> str | None:
        """Of the bundle that looks at this moment."""
        return self.serving() or self.model
