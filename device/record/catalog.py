"""Catalog: the clips that are kept, read from their manifests; the files are the truth, there is no list to go stale."""

from __future__ import annotations

import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from contracts.clip import Clip
from contracts.files import file_name, storage
from device.record.layout import VIDEOS, clips_folder
from device.record.manifests import LONGEST, LONGEST_REMEMBERED

REMEMBERED = 4096  # manifests; they never change once written, so name, size and time of change are enough to know them again


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip and where its video is, relative to the data folder."""

    manifest: Clip
    video: str


class Catalog:
    """Reads only the days it has to; threads may share it. `broken` names manifests that could not be read, relative to the data."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._known: OrderedDict[tuple[str, int, int], Clip] = OrderedDict()
        self._lock = threading.Lock()
        self.broken: dict[str, str] = {}

    def clips(
        self,
        limit: int = 100,
        before: datetime | None = None,
        camera: str | None = None,
        event_id: UUID | None = None,
        day: str | None = None,
    ) -> list[StoredClip]:
        """Newest start first; `before`: only clips that began earlier; `day`: `2026-11-22`, UTC."""
        found: list[StoredClip] = []
        for folders in self._days(camera, day, before):
            clips = [clip for folder in folders for clip in self._of_day(folder)]
            clips.sort(key=lambda clip: (clip.manifest.start, str(clip.manifest.id)), reverse=True)
            found += [clip for clip in clips if _wanted(clip.manifest, before, event_id)]
            if len(found) >= limit:
                break
        return found[:limit]

    def _days(self, camera: str | None, day: str | None, before: datetime | None) -> Iterator[list[Path]]:
        """The folders of one day, newest day first."""
        with storage(clips_folder(self._data)):
            days: dict[str, list[Path]] = {}
            for folder in clips_folder(self._data).glob(f"{_literal(file_name(camera)) if camera else '*'}/*/"):
                if any(place.is_symlink() for place in (folder, folder.parent, folder.parent.parent)):
                    continue  # what lies behind it is not ours to show
                days.setdefault(folder.name, []).append(folder)
        newest = f"{before:%Y-%m-%d}" if before else "9999"
        for name in sorted(days, reverse=True):
            if day in {None, name} and name <= newest:
                yield sorted(days[name])

    def _of_day(self, folder: Path) -> list[StoredClip]:
        with storage(folder):
            names = {path.name for path in folder.iterdir() if not path.is_symlink()}
        found = []
        for name in sorted(names):
            if not name.endswith(".json") or name.startswith("."):
                continue
            clip = self._read(folder / name)
            video = next((name.removesuffix(".json") + suffix for suffix in VIDEOS if name.removesuffix(".json") + suffix in names), None)
            if clip and video:
                found.append(StoredClip(clip, str((folder / video).relative_to(self._data))))
            elif clip:
                self.broken[str((folder / name).relative_to(self._data))] = "its video is gone"
        return found

    def _read(self, manifest: Path) -> Clip | None:
        name = str(manifest.relative_to(self._data))
        try:
            status = manifest.stat()
            if status.st_size > LONGEST or not stat.S_ISREG(status.st_mode):
                raise OSError("is not a manifest of ours")
            key = (name, status.st_size, status.st_mtime_ns)
            with self._lock:
                known = self._known.get(key)
            clip = known or Clip.model_validate_json(manifest.read_bytes())
        except (OSError, ValidationError) as error:
            self.broken[name] = str(error).splitlines()[0]
            return None
        with self._lock:
            if status.st_size > LONGEST_REMEMBERED:
                return clip
            self._known[key] = clip
            self._known.move_to_end(key)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self.broken.pop(name, None)
        return clip


def _wanted(clip: Clip, before: datetime | None, event_id: UUID | None) -> bool:
    return (before is None or clip.start < before) and (event_id is None or any(cause.id == event_id for cause in clip.events))


def _literal(name: str) -> str:
    """A name that means itself in a glob pattern."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
