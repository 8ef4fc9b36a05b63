"""Life: one thing from its first sighting to its last, and the messages about it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.event import Event, event_id
from contracts.event import Life as LifeWord
from contracts.wire import utc_from_ns
from device.pipeline.context import Context

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One box of one track in one frame."""

    camera: str
    track: int
    label: str
    confidence: float
    box: Box
    zones: tuple[str, ...]
    pts_ns: int
    wall_ns: int
    frame_number: int
    frame_size: tuple[int, int]
    model: str | None


class Row:
    """Sightings in a row that do not make an event yet; only the last `length` count."""

    def __init__(self, length: int) -> None:
        self.sightings: deque[Sighting] = deque(maxlen=length)

    def full(self, min_confidence: float) -> bool:
        """Long enough, and confident enough on average."""
        seen = self.sightings
        return len(seen) == seen.maxlen and sum(s.confidence for s in seen) / len(seen) >= min_confidence


class Life:
    """An open event. What it is named by is fixed at the start: id, label, snapshot."""

    def __init__(self, kind: str, row: Sequence[Sighting], context: Context) -> None:
        first = row[0]
        self.kind, self.first, self.last = kind, first, first
        self.start = utc_from_ns(first.wall_ns)
        identity = context.cameras[first.camera].identity()
        self.id: UUID = event_id(identity, kind, first.pts_ns, f"{first.label}|{first.track}")
        self.snapshot = context.snapshot(self.id, self.start)
        self.best = max(sighting.confidence for sighting in row)
        self.entered: list[str] = []
        self.told, self.told_best = first, self.best
        self.seen_ns = 0  # analysed time of the last sighting
        self.see(first)

    def see(self, sighting: Sighting) -> None:
        self.last, self.best = sighting, max(self.best, sighting.confidence)
        self.entered += [zone for zone in sighting.zones if zone not in self.entered]

    def message(self, life: LifeWord, end: datetime | None = None, reason: str = "") -> Event:
        """About the sighting last seen."""
        at = self.last
        self.told, self.told_best = at, self.best
        return Event(
            id=self.id,
            life=life,
            kind=self.kind,
            camera=at.camera,
            label=self.first.label,
            confidence=self.best,
            start=self.start,
            t=utc_from_ns(at.wall_ns),
            end=end,
            start_pts_ns=self.first.pts_ns,
            pts_ns=at.pts_ns,
            frame_number=at.frame_number,
            track=at.track,
            box=at.box,
            frame_size=at.frame_size,
            zones=list(at.zones),
            entered=list(self.entered),
            model=at.model,
            snapshot=self.snapshot,
            data={"reason": reason} if reason else {},
        )

    def farewell(self, reason: str = "") -> Event:
        """The end is when it was seen last, and never before the start, even where the wall clock was set back between."""
        return self.message("end", max(self.start, utc_from_ns(self.last.wall_ns)), reason)

    def moved(self) -> float:
        """How far the box is from where it was last told to be, in parts of its own size: 0 still, 1 its own width or height away."""
        return max(abs(now - told) for now, told in zip(_scaled(self.last.box, self.told), _scaled(self.told.box, self.told), strict=True))


def _scaled(box: Box, unit: Sighting) -> Box:
    width, height = max(unit.box[2] - unit.box[0], 1.0), max(unit.box[3] - unit.box[1], 1.0)
    return (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
