"""Index: every clip as a row, so that a list or a sum costs no walk through the folders; the files stay the truth."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from contracts.clip import Clip
from contracts.errors import StorageError
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.pipeline.channel import nothing
from device.pipeline.protocols import Tick
from device.record import index_rows as rows
from device.record.catalog import Catalog, StoredClip
from device.record.disk import DataDisk
from device.record.index_file import IndexFile, full
from device.record.index_rows import ANY, COLUMNS, FROM, KEPT, Entry, Filter, entry_of, from_row
from device.record.index_scan import Scan, Told, clip_at, untold
from device.record.keep import is_kept, set_kept, unset_kept
from device.record.manifests import Manifests
from device.record.removal import remove_files

log = logging.getLogger(__name__)
NAME = "index.sqlite"
LATE = 10_000  # clips that may wait for room in the index; more, and a scan finds them


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the index is known to be of this disk and whole; else why not."""

    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason


class Index:
    """Threads share it. A row that is missing deletes nothing: `catch_up` finds the clip again. Clips whose manifest cannot be
    read are left out of the list and named in `broken`."""

    def __init__(self, data: Path, disk: DataDisk, clock: Clock) -> None:
        """`disk` has begun. One that has no name, or is not where it should be, gets an index in memory."""
        self._data, self._clock, self.disk = data, clock, disk
        self.file = IndexFile(data / NAME if disk.id and not disk.unmounted() else None)
        self._manifests, self._catalog = Manifests(data), Catalog(data)
        self._late: list[tuple[Clip, str]] = []
        self._lock = threading.Lock()
        self._complete = False

    # ---- what there is

    def clips(
        self,
        limit: int = 100,
        before: datetime | None = None,
        camera: str | None = None,
        event_id: UUID | None = None,
        day: str | None = None,
        *,
        pinned: bool | None = None,
        state: str | None = None,
    ) -> list[StoredClip]:
        """Newest start first, with their manifests; `before`: only clips that began earlier; `day`: `2026-11-22`, UTC."""
        if not self._complete and pinned is None and state is None:
            return self._catalog.clips(limit, before, camera, event_id, day)  # slower, and right
        return self.chosen(limit, Filter(before, None, camera, day, event_id, None, pinned, state))

    def chosen(self, limit: int, which: Filter) -> list[StoredClip]:
        """Newest start first, with their manifests."""
        found: list[StoredClip] = []
        at = 0
        while len(found) < limit:  # once round, unless there are rows without a good manifest
            part = self.entries(limit, which, at)
            at += len(part)
            found += [StoredClip(clip, entry.video) for entry in part if (clip := self._manifests.read(entry.video))]
            if len(part) < limit:
                break
        return found[:limit]

    def entries(self, limit: int = -1, which: Filter = ANY, skip: int = 0) -> list[Entry]:
        """The rows alone, newest first; -1: all."""
        where, values = which.where()
        return self._rows(f"{where} ORDER BY c.start_us DESC, c.id DESC, c.number LIMIT ? OFFSET ?", *values, limit, skip)

    def of(self, clip: UUID) -> list[Entry]:
        """The rows of a clip: one, unless the same video was recorded twice. Those being removed are among them."""
        return self._rows("c.id = ?", clip.bytes)

    def oldest(self, limit: int, pinned: bool = False, skip: int = 0) -> list[Entry]:
        """What retention takes first; `pinned=True`: of the pinned ones alone."""
        return self._first("c.start_us, c.id", limit, pinned, skip)

    def largest(self, limit: int, pinned: bool = False, skip: int = 0) -> list[Entry]:
        return self._first("c.bytes DESC, c.start_us, c.id", limit, pinned, skip)

    def _first(self, order: str, limit: int, pinned: bool, skip: int) -> list[Entry]:
        which = "c.pinned" if pinned else "NOT c.pinned"
        return self._rows(f"{which} AND {KEPT} ORDER BY {order} LIMIT ? OFFSET ?", limit, skip)

    def totals(self, pinned: bool | None = None) -> dict[str, tuple[int, int]]:
        """Clips and their bytes, per camera; of the pinned ones alone, of the others alone, or of all."""
        chosen = {None: "", True: "INDEXED BY kept WHERE pinned", False: "WHERE NOT pinned"}[pinned]
        found = self.file.read(f"SELECT camera, count(*), sum(bytes) FROM clips {chosen} GROUP BY camera")  # noqa: S608 - our own words
        return {camera: (count, size) for camera, count, size in found}

    def _rows(self, where: str, *values: object) -> list[Entry]:
        return [from_row(row) for row in self.file.read(f"SELECT {COLUMNS} {FROM} WHERE {where}", *values)]

    @property
    def broken(self) -> dict[str, str]:
        return self._manifests.broken

    # ---- what comes and goes

    def add(self, clip: Clip, video: str) -> None:
        """A clip that is whole on the disk; `video` relative to the data folder. Never raises for the disk: what could not be
        written down waits for `settle`, and is found by the next start's `catch_up` at the latest."""
        with self._lock:
            self._late = [*self._late[-LATE:], (clip, video)]
        self.settle()

    def settle(self) -> bool:
        """Write down what waits; False when the disk still refuses."""
        with self._lock:
            waiting, self._late = self._late, []
        while waiting:
            clip, video = waiting[0]
            try:
                if found := clip_at(self._data, video):
                    with self.file.write() as write:
                        rows.put(write, entry_of(clip, found), clip)
            except (OSError, StorageError) as error:
                log.warning("a clip is not in the index yet", extra={"video": video, "reason": str(error)})
                with self._lock:
                    self._late = waiting + self._late
                return False
            waiting.pop(0)
        return True

    def pin(self, clip: UUID, pinned: bool) -> int:
        """Keep it for ever, or no longer; the files of how many clips. What is being removed cannot be kept any more."""
        with self.file.write() as write:  # held meanwhile: a removal either comes before, or sees the pin
            found = [entry for entry in self.of(clip) if entry.going is None]
            for entry in found:
                video = self._data / entry.video
                set_kept(video, utc_from_ns(self._clock.wall_ns())) if pinned else unset_kept(video)
            write.execute("UPDATE clips SET pinned = ? WHERE id = ? AND going IS NULL", (pinned, clip.bytes))
        return len(found)

    def remove(self, clip: UUID, why: str, *, force: bool = False) -> int:
        """Its files and its rows; the bytes that became free. StorageError when the disk refuses or is not sure to be ours, and
        when the clip is pinned and not `force`d. A removal that was cut off goes on in the next `catch_up`."""
        if not (trust := self.trusted):
            raise StorageError(f"clip {clip}: not removed: {trust.reason}")
        entries = self.of(clip)
        try:
            self._mark(clip, why, force=force)
        except StorageError as error:
            if not full(error.__cause__):
                raise
            log.warning("removed without a mark: the index has no room", extra={"clip": str(clip)})  # room is what this is for
        return sum(self._take_away(entry) for entry in entries)

    def _mark(self, clip: UUID, why: str, *, force: bool) -> None:
        with self.file.write() as write:
            kept = [entry.video for entry in self.of(clip) if entry.pinned or is_kept(self._data / entry.video)]
            if kept and not force:
                raise StorageError(f"{kept[0]}: is to be kept; `vedette clips keep --not {clip}` lets it go")
            write.execute("UPDATE clips SET going = coalesce(going, ?) WHERE id = ?", (why, clip.bytes))

    def _take_away(self, entry: Entry) -> int:
        freed = remove_files(self._data / entry.video)
        with self.file.write() as write:
            rows.drop(write, entry.video)
        return freed

    def verified(self, videos: Sequence[str], at: datetime) -> None:
        """Their hashes were found right."""
        with self.file.write() as write:
            for video in videos:
                rows.verify(write, video, at)

    # ---- whether it can be believed

    @property
    def complete(self) -> bool:
        return self._complete and not self.file.damaged

    @property
    def trusted(self) -> Trust:
        """Nothing is removed without it."""
        if fault := self.disk.fault():
            return Trust(fault)
        if self.file.damaged:
            return Trust(f"{self.file.path}: {self.file.damaged}; it is built again from the manifests")
        if not self._complete:
            return Trust("the index is being built from the manifests; it takes a while on a large disk")
        return Trust()

    def catch_up(self, tick: Tick = nothing, told: Told = untold, *, anew: bool = False) -> Scan:
        """Bring the rows in line with the files, and finish removals that were cut off. `anew`: every manifest is read again; without
        it only those of folders that have changed. StorageError when the disk refuses: call again."""
        if reason := self.disk.unmounted() or (not self.file.in_memory and self.disk.id is None and self.disk.fault()):
            raise StorageError(reason)
        self.disk.save()
        if not self.file.sound():
            self._complete = False
            self.file.renew()
        self._know_disk()
        if not self.disk.fault():
            for entry in self._rows("c.going IS NOT NULL"):
                self._take_away(entry)
        self.settle()
        scan = Scan(self._data, self.file, self._manifests, self._clock)
        scan.run(tick, told, anew=anew)
        with self.file.write() as write:
            write.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('whole', 'yes')")
        self._complete = True
        return scan

    def believe(self) -> bool:
        """Another process keeps the index in line; whether that one has it whole."""
        found = dict(self.file.read("SELECT key, value FROM meta"))
        self._complete = found == {"disk": str(self.disk.id), "whole": "yes"}
        return self._complete

    def _know_disk(self) -> None:
        """Rows that were made on another disk are forgotten."""
        disk = str(self.disk.id)
        if self.file.read("SELECT value FROM meta WHERE key = 'disk'") == [(disk,)]:
            return
        self._complete = False
        with self.file.write() as write:
            for table in ("clips", "causes", "folders", "meta"):
                write.execute(f"DELETE FROM {table}")  # noqa: S608 - our own words
            write.execute("INSERT INTO meta (key, value) VALUES ('disk', ?)", (disk,))

    def close(self) -> None:
        with suppress(StorageError):
            self.settle()
        self.file.close()
