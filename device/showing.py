"""Showing: the recordings as the page may see and change them: their index, their disk, their pins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from contracts.clip import Clip
from device.record.catalog import StoredClip
from device.record.index import Index
from device.record.index_rows import Filter
from device.record.keep import is_kept
from device.web.desk import DiskFacts, Wanted

SOUGHT, ROUNDS = 200, 10  # clips looked at for a trigger, at once and in all
LARGEST_GROUP = 200
BY_HAND = "by hand, on the page"


@dataclass(frozen=True, slots=True)
class Shown:
    manifest: Clip
    video: str
    pinned: bool


class Showing:
    """device.web.desk's `Recordings`. Threads share it."""

    def __init__(self, index: Index, data: Path) -> None:
        self._index, self._data = index, data

    def page(self, limit: int, which: Wanted) -> tuple[list[Shown], datetime | None]:
        """Newest start first, and `before` of the next page; what began together stays on one page."""
        found: list[StoredClip] = []
        before, more = which.before, True
        for _ in range(ROUNDS):
            at_once = SOUGHT if which.trigger else limit + 1
            part = self._index.clips(at_once, before, which.camera, None, which.day, pinned=which.pinned)
            found += [clip for clip in part if which.trigger in {None, clip.manifest.trigger}]
            more = len(part) == at_once
            before = part[-1].manifest.start if part else before
            if not more or len(found) > limit:
                break
        if len(found) <= limit:
            return [self._shown(clip) for clip in found], before if more else None
        next_start = found[limit].manifest.start
        whole = [clip for clip in found[:limit] if clip.manifest.start > next_start] or found[:limit]
        return [self._shown(clip) for clip in whole], whole[-1].manifest.start

    def group(self, group: UUID) -> list[Shown]:
        """All clips of one recording, oldest first."""
        return [self._shown(clip) for clip in self._index.chosen(LARGEST_GROUP, Filter(group=group))][::-1]

    def pin(self, clip: UUID, pinned: bool) -> int:
        return self._index.pin(clip, pinned)

    def remove(self, clip: UUID) -> int:
        return self._index.remove(clip, BY_HAND) if self._index.of(clip) else 0

    def disk(self) -> DiskFacts:
        disk, fault = self._index.disk, self._index.disk.fault()
        untrusted = "" if fault else self._index.trusted.reason
        return DiskFacts(str(disk.id) if disk.id else "", fault, untrusted, len(self._index.broken))

    def _shown(self, clip: StoredClip) -> Shown:
        return Shown(clip.manifest, clip.video, is_kept(self._data / clip.video))
