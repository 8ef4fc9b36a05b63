"""Triggers: what analysis tells the recorder, with cursors at the pre-roll, taken while the rings are sure to hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from contracts.event import Event
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing, RingReader
from device.record.demand import Demand, of_event
from device.record.options import RecordOptions
from device.record.when import EventTrigger
from vision.types import Frame

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a camera's recording begins; `shift_ns`: its media time less that of the event's camera."""

    reader: RingReader
    shift_ns: int


@dataclass(frozen=True, slots=True)
class Trigger:
    """A message, the media time at which it was told, and a cursor for each camera that it wants recorded from `start_pts_ns` on."""

    event: Event
    told_pts_ns: int
    start_pts_ns: int
    cursors: Mapping[str, Cursor] = field(default_factory=dict)

    def demand(self, camera: str, options: RecordOptions) -> Demand:
        shift_ns = self.cursors[camera].shift_ns
        return of_event(self.event, camera, self.start_pts_ns, self.told_pts_ns, shift_ns, options.pre_roll_ms, options.post_roll_ms)

    def close(self) -> None:
        for cursor in self.cursors.values():
            cursor.reader.close()


def wanted(event: Event, options: RecordOptions) -> EventTrigger | None:
    """What says that it begins a recording with this message: with its first, or later, when it has come into the zone."""
    chosen = None if event.life == "end" else options.events_of(event.camera)
    return chosen if chosen and chosen.wants(event) else None


def trigger(event: Event, frame: Frame, rings: Mapping[str, PacketRing], options: RecordOptions, lossless: bool) -> Trigger:
    begin_pts_ns = event.start_pts_ns if event.life == "new" else event.pts_ns
    chosen = wanted(event, options)
    if chosen is None:
        return Trigger(event, frame.pts_ns, begin_pts_ns)
    others = list(rings) if chosen.cameras == "all" else [] if chosen.cameras == "own" else chosen.cameras
    cursors: dict[str, Cursor] = {}
    for camera in dict.fromkeys([event.camera, *others]):
        ring = rings.get(camera)
        shift_ns = 0 if camera == event.camera else _shift_ns(frame, ring.newest() if ring else None, lossless)
        if ring is not None and shift_ns is not None:
            from_pts_ns = begin_pts_ns + shift_ns - options.pre_roll_ms * MS
            cursors[camera] = Cursor(ring.reader(lossless, from_pts_ns=from_pts_ns), shift_ns)
    return Trigger(event, frame.pts_ns, begin_pts_ns, cursors)


def _shift_ns(frame: Frame, other: Packet | None, lossless: bool) -> int | None:
    """Two cameras are paired by when they were there: by capture time, two files by the hour they tell. None: no pictures yet."""
    if other is None:
        return None
    apart_ns = other.wall_ns - frame.wall_ns if lossless else other.mono_ns - frame.mono_ns
    return other.pts_ns - frame.pts_ns - apart_ns


def last_seen_pts_ns(event: Event) -> int:
    """Media time of an event's `end`, which is told in capture time; its message's own time where the clock was stepped between."""
    if event.end is None:
        return event.pts_ns
    seen_ns = event.start_pts_ns + (event.end - event.start) // timedelta(microseconds=1) * 1000
    return seen_ns if event.start_pts_ns <= seen_ns <= event.pts_ns else event.pts_ns
