"""Album: the sessions that are kept, read from their manifests; newest first, with their takes, clips and key frames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from contracts.files import storage, sync_folder, write_durably
from contracts.session import SessionManifest
from contracts.takes import TakeManifest
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.record.keep import KEEP, Keep
from device.record.session import MANIFEST, MOST_MANIFEST_BYTES, read_session

SESSION = re.compile(r"session-(\d{4}-\d{2}-\d{2})_(\d{3,6})")


@dataclass(frozen=True, slots=True)
class StoredTake:
    """`manifest` None: it is not finished. `missing`: files it names that are not there, or have another size."""

    name: str
    manifest: TakeManifest | None
    missing: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(clip.bytes for clip in self.manifest.clips) if self.manifest else 0


@dataclass(frozen=True, slots=True)
class StoredSession:
    manifest: SessionManifest
    pinned: bool


class Album:
    """Threads share it; nothing is remembered. `root`: the folder of the sessions."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root, self._clock = root, clock

    def sessions(self, limit: int, before: str | None = None) -> list[StoredSession]:
        """Those whose manifest can be read. `before`: only those that began earlier than this one."""
        found: list[StoredSession] = []
        for name in self._names():
            if len(found) == limit:
                break
            if (before is None or _order(name) < _order(before)) and (session := self.find(name)):
                found.append(session)
        return found

    def _names(self) -> list[str]:
        if not self.root.is_dir():
            return []
        with storage(self.root):
            names = [path.name for path in self.root.iterdir() if SESSION.fullmatch(path.name) and not path.is_symlink()]
        return sorted(names, key=_order, reverse=True)

    def find(self, session_id: str) -> StoredSession | None:
        folder = self._folder(session_id)
        manifest = read_session(folder) if folder else None
        return StoredSession(manifest, is_pinned(folder)) if folder and manifest else None

    def takes(self, session: StoredSession) -> list[StoredTake]:
        """Every one its manifest names, in order; sizes are compared, hashes are for `vedette verify-export`."""
        folder = self.root / session.manifest.session_id
        return [_take(folder / name) for name in session.manifest.takes]

    def pin(self, session_id: str, pinned: bool) -> bool:
        """Keep it for ever, or no longer; False: there is none of that name."""
        folder = self._folder(session_id)
        if folder is None:
            return False
        path = folder / KEEP
        if pinned:
            write_durably(path, Keep(since=utc_from_ns(self._clock.wall_ns())).model_dump_json().encode() + b"\n")
            return True
        with storage(path):
            path.unlink(missing_ok=True)
            sync_folder(folder)
        return True

    def _folder(self, session_id: str) -> Path | None:
        folder = self.root / session_id
        if not SESSION.fullmatch(session_id) or folder.is_symlink() or not folder.is_dir():
            return None
        return folder


def is_pinned(folder: Path) -> bool:
    """As the janitor sees it: whatever has that name, it stays."""
    path = folder / KEEP
    return path.is_symlink() or path.exists()


def _order(name: str) -> tuple[str, int]:
    found = SESSION.fullmatch(name)
    return (found[1], int(found[2])) if found else ("", 0)


def _take(folder: Path) -> StoredTake:
    manifest = None if folder.is_symlink() else _read(folder / MANIFEST)
    if manifest is None:
        return StoredTake(folder.name, None)
    sizes = {clip.file: clip.bytes for clip in manifest.clips}
    sizes |= {f"frames/{camera}/{key.file}": 0 for camera, kept in manifest.frames.items() for key in kept.key_frames}
    return StoredTake(folder.name, manifest, tuple(name for name, size in sizes.items() if not _there(folder / name, size)))


def _read(path: Path) -> TakeManifest | None:
    """None: not written yet, or not one of ours."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_MANIFEST_BYTES:
            return None
        return TakeManifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _there(path: Path, size: int) -> bool:
    """`size` 0: any that is more than nothing."""
    try:
        found = path.lstat().st_size
    except OSError:
        return False
    return found == size if size else found > 0
