"""Marks: an event that reaches back into clips that are finished is named in their manifests, which are then written again."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from contracts.clip import Clip
from device.record.demand import Demand
from device.record.demands import Demands
from device.record.layout import write_manifest

REACH = 4  # finished clips of a recording that can still be marked; a pre-roll of a minute does not reach over more


class Marks:
    def __init__(self) -> None:
        self._closed: deque[tuple[Path, Clip, Demand]] = deque(maxlen=REACH)
        self._new: list[Demand] = []

    def closed(self, video: Path, clip: Clip, owner: Demand) -> None:
        self._closed.append((video, clip, owner))

    def reach(self, demand: Demand) -> None:
        """It is written down with the next `write`."""
        if self._closed:
            self._new.append(demand)

    def write(self, demands: Demands) -> list[Clip]:
        """The clips that were marked. StorageError as the disk says."""
        if not self._new:
            return []
        new, self._new = self._new, []
        marked = []
        for place, (video, clip, owner) in enumerate(self._closed):
            causes = [each.cause(owner) for each in new if each.from_pts_ns < clip.end_pts_ns]
            named = {cause.id for cause in clip.events}
            fresh = [cause for cause in causes if cause and cause.id not in named]
            if fresh and video.exists():  # it may have been removed to make room
                changed = clip.model_copy(update={"events": [*clip.events, *fresh]})
                write_manifest(video, changed)
                self._closed[place] = (video, changed, owner)
                marked.append(changed)
        return marked
