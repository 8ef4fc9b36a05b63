"""Document: the events of one recording as one JSON file, one entry an event, written whole when there will be no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from contracts.batchlog import BatchLog, Entry, Metadata, document_bytes
from contracts.event import Event
from contracts.files import write_durably

MODE = 0o640
Thumbnail = Callable[[Event], str | None]


def own_snapshot(event: Event) -> str | None:
    """What the event itself names."""
    return event.snapshot


@dataclass(frozen=True, slots=True)
class Told:
    """The first and the last message of one event."""

    first: Event
    last: Event


class Document:
    """An emitter for one thread. Nothing is on disk before `finish`, which writes the file whole: who dies before that begins again."""

    def __init__(self, path: Path, metadata: Callable[[], Metadata], thumbnail: Thumbnail = own_snapshot) -> None:
        """`metadata` is asked when all is known; `thumbnail`: where an event's picture is, relative to the document."""
        self._path, self._metadata, self._thumbnail = path, metadata, thumbnail
        self._told: dict[UUID, Told] = {}

    def add(self, event: Event, mono_ns: int) -> None:
        _tell(self._told, event)

    def due_in_s(self) -> float:
        return float("inf")

    def commit(self) -> None:
        """Nothing: half a document is none."""

    def finish(self) -> None:
        """StorageError when the disk refuses; what was there before stays then."""
        document = BatchLog(metadata=self._metadata(), events=_entries(self._told, self._thumbnail))
        write_durably(self._path, document_bytes(document), MODE)


def entries(events: Iterable[Event], thumbnail: Thumbnail = own_snapshot) -> list[Entry]:
    """The entries of a sequence of messages, in any order of their events."""
    told: dict[UUID, Told] = {}
    for event in events:
        _tell(told, event)
    return _entries(told, thumbnail)


def _tell(told: dict[UUID, Told], event: Event) -> None:
    known = told.get(event.id)
    told[event.id] = Told(known.first if known else event, event)


def _entries(told: Mapping[UUID, Told], thumbnail: Thumbnail) -> list[Entry]:
    ordered = sorted(told.values(), key=lambda each: (each.last.start_pts_ns, each.last.kind, str(each.last.id)))
    return [_entry(number, each, thumbnail(each.last)) for number, each in enumerate(ordered, 1)]


def _entry(number: int, told: Told, thumbnail: str | None) -> Entry:
    last = told.last
    return Entry(
        event_id=f"evt_{number:03d}",
        uid=last.id,
        type=last.kind,
        timestamp=last.start,
        video_offset_seconds=last.start_pts_ns / 1e9,
        frame_number=told.first.frame_number,
        confidence=last.confidence,
        data=last.data,
        thumbnail=thumbnail,
        end_offset_seconds=last.pts_ns / 1e9 if last.life == "end" else None,
        label=last.label,
        camera=last.camera,
    )
