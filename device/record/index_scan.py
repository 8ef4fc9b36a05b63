"""Scan: brings the rows of the index in line with the folders of clips; a folder that has not changed since is not read again."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.clip import Clip
from contracts.files import storage
from device.clock import Clock
from device.pipeline.channel import nothing
from device.pipeline.protocols import Tick
from device.record import index_rows as rows
from device.record.index_file import IndexFile
from device.record.index_rows import Found, entry_of
from device.record.keep import KEEP, is_kept
from device.record.layout import VIDEOS, clips_folder, manifest_of
from device.record.manifests import Manifests

log = logging.getLogger(__name__)
Told = Callable[[int, int], None]  # so many done, of so many
SETTLED_NS = 2_000_000_000  # a folder that changed less long ago may change again within the same tick of its clock


def untold(_done: int, _of: int) -> None:
    """Nobody looks at the progress."""


@dataclass(frozen=True, slots=True)
class Known:
    """A row: by its mark it is seen whether the files are still what they were."""

    mark: tuple[int, ...]
    going: bool


@dataclass(slots=True)
class Scan:
    """`read` counts folders that were read, `put` and `dropped` rows."""

    data: Path
    file: IndexFile
    manifests: Manifests
    clock: Clock
    read: int = 0
    put: int = 0
    dropped: int = 0

    def run(self, tick: Tick = nothing, told: Told = untold, *, anew: bool = False) -> None:
        """Newest day first. `anew`: every manifest is read, also those of folders that have not changed."""
        folders = sorted(self._folders(), key=lambda path: (path.name, path.parent.name), reverse=True)
        settled = dict(self.file.read("SELECT path, settled_ns FROM folders"))
        for number, folder in enumerate(folders):
            tick()
            told(number, len(folders))
            name = self._name(folder)
            with storage(folder):
                changed_ns = folder.stat().st_mtime_ns
            if anew or settled.get(name) != changed_ns:
                self._folder(folder, name, changed_ns, tick, anew=anew)
        told(len(folders), len(folders))
        there = {self._name(folder) for folder in folders}
        for name in sorted(set(settled) - there):
            self._gone(name)

    def _folders(self) -> Iterator[Path]:
        for camera in inside(clips_folder(self.data)):
            yield from inside(camera)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.data).as_posix()

    def _folder(self, folder: Path, name: str, changed_ns: int, tick: Tick, *, anew: bool) -> None:
        """Rows of one folder, in one transaction; what is being removed is left to who removes it."""
        found = {each.video.rpartition("/")[2]: each for each in clips_in(self.data, folder)}
        known = self._known(name)
        fresh = []
        for video, each in found.items():
            row = known.get(video)
            if row and (row.going or (not anew and row.mark == each.mark)):
                continue
            tick()
            clip = self.manifests.read(each.video)
            if clip:
                fresh.append((clip, each))
        lost = [video for video, row in known.items() if video not in found and not row.going]
        settled_ns = changed_ns if self.clock.wall_ns() - changed_ns > SETTLED_NS else -1
        with self.file.write() as write:
            for clip, each in fresh:
                self._put(write, clip, each)
            for video in lost:
                self._drop(write, f"{name}/{video}")
            rows.folder_number(write, name)
            write.execute("UPDATE folders SET settled_ns = ? WHERE path = ?", (settled_ns, name))
        self.read += 1

    def _known(self, folder: str) -> dict[str, Known]:
        found = self.file.read(
            """SELECT c.name, c.bytes, c.manifest_bytes, c.manifest_ns, c.pinned, c.going IS NOT NULL
               FROM clips c JOIN folders f ON f.number = c.folder WHERE f.path = ?""",
            folder,
        )
        return {name: Known((*mark, bool(pinned)), bool(going)) for name, *mark, pinned, going in found}

    def _put(self, write: sqlite3.Connection, clip: Clip, found: Found) -> None:
        rows.put(write, entry_of(clip, found), clip)
        self.put += 1

    def _drop(self, write: sqlite3.Connection, video: str) -> None:
        """A clip may have come since the folder was read: what is there stays."""
        path = self.data / video
        if not (there(path) and there(manifest_of(path))):
            rows.drop(write, video)
            self.dropped += 1

    def _gone(self, folder: str) -> None:
        """A folder that is no more: its rows go, unless it has come back."""
        with self.file.write() as write:
            for video in self._known(folder):
                self._drop(write, f"{folder}/{video}")
            write.execute(
                "DELETE FROM folders WHERE path = ? AND NOT EXISTS (SELECT 1 FROM clips WHERE folder = folders.number)", (folder,)
            )


def clips_in(data: Path, folder: Path) -> Iterator[Found]:
    """Videos with a manifest, by their names alone."""
    listing, place = listed(folder), folder.relative_to(data).as_posix()
    for name, status in listing.items():
        stem, dot, suffix = name.rpartition(".")
        beside = listing.get(f"{stem}.json")
        if beside and stem and dot + suffix in VIDEOS and not name.startswith("."):
            yield _found(f"{place}/{name}", status, beside, pinned=stem + KEEP in listing)


def clip_at(data: Path, video: str) -> Found | None:
    """One clip; None when a file of it is not there."""
    path = data / video
    try:
        status, beside = path.stat(follow_symlinks=False), manifest_of(path).stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return _found(video, status, beside, pinned=is_kept(path))


def _found(name: str, video: os.stat_result, manifest: os.stat_result, *, pinned: bool) -> Found:
    return Found(name, video.st_size + manifest.st_size, manifest.st_size, manifest.st_mtime_ns, pinned)


def listed(folder: Path) -> dict[str, os.stat_result]:
    """Plain files of a folder; links are not followed and not listed, what vanishes meanwhile is left out."""
    found = {}
    with storage(folder), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found[entry.name] = status
    return found


def inside(folder: Path) -> list[Path]:
    """The folders in a folder, in order; links are left out."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        with storage(folder):
            raise error


def there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
