"""The seams of the house: Source, Gate, Stage, Inbox and what flows between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, runtime_checkable

from contracts.event import Event
from device.pipeline.packets import Outlines, Packet
from vision.types import Frame, Scene

T_contra = TypeVar("T_contra", contravariant=True)

Tick = Callable[[], None]  # a worker calls it whenever it got round its loop; the watchdog listens


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """A camera has ended for good (a file) or the appliance stops: what is open is closed."""

    camera: str
    pts_ns: int
    mono_ns: int
    wall_ns: int
    reason: str  # "end of file" | "stopped"


class Identified(Protocol):
    """Whatever events may come of."""

    @property
    def identity(self) -> str: ...


class Source(Protocol):
    """A camera or a file. `live` sources may lose frames and are reopened; a file loses none and ends."""

    camera: str
    live: bool

    @property
    def identity(self) -> str:
        """What event ids are made of: a file's digest, a live camera's session."""
        ...

    def packets(self) -> Iterator[Packet]:
        """Open, then packets in decoding order until the end; raises HardwareError when it fails. May be called again."""
        ...

    def close(self) -> None:
        """Unblock a reader from another thread and let go of the device; harmless when closed."""
        ...


@runtime_checkable
class Hearing(Protocol):
    """A source that can read its sound too; told so before it is opened."""

    def hear(self) -> None: ...


@runtime_checkable
class Hiding(Protocol):
    """A source that marks its streams with what the owner hides, or paints it black in raw pictures; told so before it is opened."""

    def hide(self, outlines: Outlines) -> None: ...


@runtime_checkable
class Losing(Protocol):
    """A source that leaves packets out before they are frames: how many so far, by reason."""

    lost: Mapping[str, int]


class Gate(Protocol):
    """Decides from a small luma picture whether anything moves; keeps its own state per camera."""

    hold_ns: int  # stays open that long after the last motion
    watch_interval_ns: int  # idle: look at a key frame at most this often
    max_wait_ns: int  # key frames further apart than this are not enough: decode everything

    def moved(self, frame: Frame) -> bool: ...


class Inbox(Protocol[T_contra]):
    def put(self, item: T_contra, wait: bool = False) -> bool:
        """Hand over; `wait` asks a lossy inbox not to overwrite. False: the item was not kept (counted)."""
        ...


class Stage(Protocol):
    def __call__(self, scene: Scene) -> Scene | None:
        """The scene, grown; None ends this frame's journey."""
        ...


@runtime_checkable
class WideStage(Protocol):
    """A stage that works on several frames at once; the pipeline puts them back in order."""

    depth: int

    def submit(self, scene: Scene) -> Future[Scene]: ...

    def close(self) -> None: ...


@runtime_checkable
class FrameOnly(Protocol):
    """A stage whose answer depends on the frame alone, never on the one before: frames may go through it in any order, in any
    process. What such stages found can be written down and the rest of the pipeline run over it later (`vedette batch`)."""

    frame_only: Literal[True]


@runtime_checkable
class Fingerprinted(Protocol):
    """A stage whose answers depend on more than options and software: a model, template pictures. What they are goes into the log."""

    @property
    def fingerprint(self) -> Mapping[str, str]: ...


@runtime_checkable
class Closing(Protocol):
    """A stage with open events: gives their last messages when a camera ends."""

    def finish(self, end: EndOfStream) -> tuple[Event, ...]: ...
