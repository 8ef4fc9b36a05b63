"""Sightings: where in a scene the things are that events have been told of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from contracts.event import Event
from vision.types import Scene


class Subject(Protocol):
    """What is remembered of an open event."""

    @property
    def event(self) -> Event: ...


S = TypeVar("S", bound=Subject)


def sightings(scene: Scene, subjects: Iterable[S]) -> Iterator[tuple[S, int]]:
    """Each of them whose track is in the scene, with the row of its box: between the event's messages too."""
    tracks = scene.detections.data.get("track")
    if tracks is None:
        return
    rows = {int(track): row for row, track in enumerate(tracks)}
    for subject in subjects:
        event = subject.event
        row = rows.get(event.track) if event.track is not None and event.camera == scene.frame.camera else None
        if row is not None:
            yield subject, row
