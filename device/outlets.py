"""Outlets: where scenes go beside the recorders; each an Inbox[Scene] for the analysis thread."""

from __future__ import annotations

from dataclasses import replace

from contracts.event import Event
from device.pipeline.channel import Channel
from device.pipeline.passage import NoPlanes
from vision.types import Detections, Scene


class EventOutlet:
    """Inbox[Scene]: passes on the events alone, without the picture, to the journal, which may make analysis wait."""

    def __init__(self, journal: Channel[Scene | Event]) -> None:
        self._journal = journal

    def put(self, item: Scene, wait: bool = False) -> bool:
        if not item.events:
            return True
        bare = replace(item, frame=replace(item.frame, planes=NoPlanes()), detections=Detections.none())
        self._journal.put(bare, wait)
        return True
