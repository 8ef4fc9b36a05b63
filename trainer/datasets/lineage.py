"""Lineage: from which boxes, sessions and events a data set comes, or one picture of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from contracts.wire import utc_from_ns, utc_text
from dataset.items import Item, Origin, Reader
from dataset.native import NativeReader
from dataset.records import micros

EACH_EVENTS = 100_000  # counted exactly, of one recording


@dataclass
class Recording:
    """What came of one session of one box."""

    device: str
    session: str
    pictures: int = 0
    labels: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    cameras: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    events: set[str] = field(default_factory=set)

    def add(self, item: Item) -> None:
        origin = item.origin
        self.pictures += 1
        self.labels += len(item.labels)
        self.cameras[origin.camera] += 1
        self.reasons[origin.reason] += 1
        if origin.event and len(self.events) < EACH_EVENTS:
            self.events.add(origin.event)
        if origin.wall_ns is not None:
            self.first_ns = min(self.first_ns, origin.wall_ns) if self.first_ns is not None else origin.wall_ns
            self.last_ns = max(self.last_ns, origin.wall_ns) if self.last_ns is not None else origin.wall_ns

    def document(self) -> dict[str, object]:
        return {
            "device": self.device,
            "session": self.session,
            "pictures": self.pictures,
            "labels": self.labels,
            "events": len(self.events),
            "cameras": dict(self.cameras),
            "reasons": dict(self.reasons),
            "first": _time(self.first_ns),
            "last": _time(self.last_ns),
        }


def recordings(reader: Reader) -> list[Recording]:
    """By box and session."""
    found: dict[tuple[str, str], Recording] = {}
    for item in reader:
        key = item.origin.device, item.origin.session or item.sequence
        found.setdefault(key, Recording(*key)).add(item)
    return [found[key] for key in sorted(found)]


def sightings(reader: Reader, picture: str) -> list[Origin]:
    """Every time that a picture was said something of, oldest first; empty: it is not in the set."""
    if isinstance(reader, NativeReader):
        return [
            Origin(
                each.source, each.session, each.action_id, each.action_type, micros(each.timestamp) * 1000, each.reason,
                each.sampling_probability, each.device,
            )
            for each in reader.records(picture)
        ]  # fmt: skip
    return [item.origin for item in reader if item.id == picture]


def told(origin: Origin) -> dict[str, object]:
    """`source` of a sighting in a set of ours is what was done: object, review, ..."""
    said = {name: getattr(origin, name) for name in ("device", "session", "camera", "event", "source", "reason")}
    return {**said, "probability": origin.probability, "time": _time(origin.wall_ns)}


def _time(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else utc_text(utc_from_ns(wall_ns))
