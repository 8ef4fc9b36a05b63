"""Checkup: every file below the clips is looked at: what should not be there, what is missing, what is not what it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from contracts.errors import StorageError
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.record.checkup_clip import Recordings, judged, unlike
from device.record.clipfile import PART
from device.record.closing import COPY
from device.record.faults import Fault
from device.record.index import Index
from device.record.index_rows import Found, folders_of, rows_of
from device.record.index_scan import Told, clips_in, inside, listed, untold
from device.record.keep import KEEP
from device.record.layout import VIDEOS, clips_folder, manifest_of, salvage_folder, sized
from device.record.manifests import Manifests

FRESH_NS = 60_000_000_000  # while the appliance runs, what changed less long ago is its own affair
MANIFEST, TEMP = ".json", ".tmp"


@dataclass(slots=True)
class Report:
    clips: int = 0
    bytes: int = 0
    hashed: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def damaged(self) -> bool:
        return any(fault.damage for fault in self.faults)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A clip whose hash is still to be looked at."""

    video: str
    sha256: str
    bytes: int


class Checkup:
    """Only reads, apart from the index's note of when a hash was right. `quick`: sizes, no hashes."""

    def __init__(self, data: Path, index: Index, clock: Clock, *, quick: bool = False, running: bool = False) -> None:
        self._data, self._index, self._clock, self._quick, self._running = data, index, clock, quick, running
        self._manifests, self._recordings = Manifests(data), Recordings()
        self.report = Report()

    def run(self, told: Told = untold) -> Report:
        """`told`: bytes hashed, of so many."""
        suspects = [suspect for folder in self._folders() for suspect in self._folder(folder)]
        self._lost_folders()
        self.report.faults += [*self._recordings.gaps(), *self._salvaged()]
        if not self._quick:
            self._hash(suspects, told)
        return self.report

    def _say(self, kind: Fault) -> None:
        self.report.faults.append(kind)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._data).as_posix()

    # ---- names

    def _folders(self) -> Iterator[Path]:
        """Day folders; what lies beside them is not ours."""
        root = clips_folder(self._data)
        for place in (root, *inside(root)):
            folders = inside(place)
            if place.exists():
                strangers = {path.name for path in place.iterdir()} - {path.name for path in folders}
                self.report.faults += [Fault("foreign", self._name(place / name), "is no folder of clips") for name in sorted(strangers)]
            if place != root:
                yield from folders

    def _folder(self, folder: Path) -> list[Suspect]:
        try:
            names = {path.name for path in folder.iterdir()}
            listing = listed(folder)
            found = {each.video: each for each in clips_in(self._data, folder)}
        except (OSError, StorageError) as error:
            self._say(Fault("cannot be read", self._name(folder), str(error)))
            return []
        for name in sorted(names):
            path = folder / name
            fault = self._stranger(path, listing) if name in listing else Fault("foreign", self._name(path), "is no plain file")
            if fault and not (fault.damage and self._fresh(listing.get(name))):
                self._say(fault)
        suspects = [suspect for each in found.values() if (suspect := self._clip(each))]
        self._rows(self._name(folder), {video: each for video, each in found.items() if self._manifests.read(video)})
        return suspects

    def _fresh(self, status: os.stat_result | None) -> bool:
        return self._running and status is not None and abs(self._clock.wall_ns() - status.st_mtime_ns) < FRESH_NS

    def _stranger(self, path: Path, listing: dict[str, os.stat_result]) -> Fault | None:
        """By its name alone."""
        name = self._name(path)
        videos = [path.with_suffix(suffix).name for suffix in VIDEOS]
        if path.name.startswith("."):
            return Fault("leftover", name, "a small file that was being written") if path.suffix == TEMP else Fault("foreign", name)
        if path.suffix in VIDEOS:
            return None if manifest_of(path).name in listing else Fault("no manifest", name, "a video that nothing is known of")
        if path.suffix in {MANIFEST, KEEP}:
            if any(video in listing for video in videos):
                return None
            return Fault("no video", name, "its video is gone") if path.suffix == MANIFEST else Fault("keep without clip", name)
        if path.suffix == PART:
            open_ = (
                "is being recorded, or waits for the next start" if self._running else "was left open by a crash; the next start closes it"
            )
            return Fault("part", name, open_, running=self._running)
        if path.suffix == COPY:
            return Fault("leftover", name, "a copy that was not finished")
        return Fault("foreign", name, "is no file of ours")

    def _salvaged(self) -> Iterator[Fault]:
        files = [path for path in salvage_folder(self._data).rglob("*") if path.is_file()]
        if files:
            size = sum(path.lstat().st_size for path in files)
            yield Fault(
                "salvage", "salvage", f"{len(files)} file(s), {size / 1e6:.1f} MB, that could not be used; look at them, then delete them"
            )

    # ---- rows

    def _rows(self, folder: str, found: dict[str, Found]) -> None:
        """Only where the index claims to be whole: else it does not have to have them all."""
        if not self._index.complete:
            return
        rows = {entry.video: entry for entry in rows_of(self._index.file, folder)}
        for video in sorted(set(rows) - set(found)):
            if rows[video].going is None and not (self._data / video).exists():
                self._say(Fault("row without files", video, "the index has it, the disk has not"))
        for video, each in sorted(found.items()):
            if self._running and abs(self._clock.wall_ns() - each.manifest_ns) < FRESH_NS:
                continue
            if video not in rows:
                self._say(Fault("files without row", video, "the index does not have it"))
            elif rows[video].going is None and (rows[video].bytes, rows[video].manifest_ns) != (each.bytes, each.manifest_ns):
                self._say(Fault("old row", video, "the files are not those that the index knows"))

    def _lost_folders(self) -> None:
        for folder in folders_of(self._index.file) if self._index.complete else []:
            if not (self._data / folder).is_dir():
                self._rows(folder, {})

    # ---- clips

    def _clip(self, found: Found) -> Suspect | None:
        """What its manifest says against what is there."""
        clip = self._manifests.read(found.video)
        manifest = self._name(manifest_of(self._data / found.video))
        if clip is None:
            self._say(Fault("bad manifest", manifest, self._manifests.broken.get(manifest, "")))
            return None
        size = found.bytes - found.manifest_bytes
        self.report.clips += 1
        self.report.bytes += size
        faults = list(judged(clip, found.video, size))
        self.report.faults += faults
        self._recordings.add(clip, found.video)
        return None if any(fault.damage for fault in faults) else Suspect(found.video, clip.sha256, size)

    def _hash(self, suspects: list[Suspect], told: Told) -> None:
        done, whole = 0, sum(suspect.bytes for suspect in suspects)
        right: list[str] = []
        for suspect in suspects:
            told(done, whole)
            fault = self._hashed(suspect)
            if fault:
                self._say(fault)
            else:
                right.append(suspect.video)
                self.report.hashed += 1
            done += suspect.bytes
        told(whole, whole)
        with suppress(StorageError):  # a note only
            self._index.verified(right, self._now())

    def _now(self) -> datetime:
        return utc_from_ns(self._clock.wall_ns())

    def _hashed(self, suspect: Suspect) -> Fault | None:
        try:
            size, digest = sized(self._data / suspect.video)
        except StorageError as error:
            gone = isinstance(error.__cause__, FileNotFoundError) and self._running  # retention was quicker
            return None if gone else Fault("cannot be read", suspect.video, str(error))
        return unlike(suspect.video, (suspect.bytes, suspect.sha256), (size, digest))
