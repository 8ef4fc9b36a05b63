"""SessionShelf: finished sessions, each a folder that goes as a whole; an open one, and one that is being finished, stays."""

from __future__ import annotations

import errno
import heapq
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.removal import Order
from contracts.session import SessionManifest
from device.keep.folder import OPENING, listed, opened
from device.keep.shelf import Fault, Foreign, Kept, Totals, ours

SESSION = re.compile(r"session-\d{4}-\d{2}-\d{2}_\d{3,6}")
GOING = ".going-"  # a session that was begun to be removed
MANIFEST, PIN, UNFINISHED = "manifest.json", ".keep", ".part"
MOST_MANIFEST_BYTES = 16 << 20
DEEPEST = 8
DEEPEST_CLEARED = 64  # folders in folders; nothing of ours is like that, and each level costs a descriptor
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Sized:
    """What is in a folder, whatever it is."""

    bytes: int = 0
    files: int = 0
    unfinished: bool = False

    def __add__(self, other: Sized) -> Sized:
        return Sized(self.bytes + other.bytes, self.files + other.files, self.unfinished or other.unfinished)


@dataclass(frozen=True, slots=True)
class Known:
    """A session as it was when its folder last changed; one that is whole changes no more."""

    changed_ns: tuple[int, int]
    kept: Kept
    removable: bool


class SessionShelf:
    """`folder`: of the sessions, below the data folder. Those of another disk are not the janitor's."""

    def __init__(self, data: Path, folder: str, on_fault: Fault, foreign: Foreign = ours) -> None:
        self.name = "sessions"
        self._data, self._folder, self._on_fault, self._foreign = data, folder, on_fault, foreign
        self._known: dict[str, Known] = {}

    @property
    def distrusted(self) -> str:
        return self._foreign()

    def totals(self) -> Totals:
        sessions = self._sessions()
        every = [known.kept for known in sessions]
        return Totals(
            bytes=sum(kept.bytes for kept in every),
            count=len(every),
            oldest_wall_ns=min((kept.wall_ns for kept in every), default=None),
            pinned_bytes=sum(kept.bytes for kept in every if kept.pinned),
            fixed_bytes=sum(known.kept.bytes for known in sessions if not known.removable and not known.kept.pinned),
        )

    def items(self, order: Order, skip: int = 0) -> Iterator[Kept]:
        free = [known.kept for known in self._sessions() if known.removable and not known.kept.pinned]
        return iter(heapq.nsmallest(len(free), free, key=_largest if order == "largest" else _oldest))

    def remove(self, item: Kept, why: str) -> None:
        """It gets another name first: what is cut off then is no session any more, and is gone on with in the next round."""
        name = item.name.rpartition("/")[2]
        with suppress(FileNotFoundError), opened(self._data, self._folder) as handle:
            with suppress(FileNotFoundError):
                _refuse_pinned(handle, name)
                os.rename(name, GOING + name, src_dir_fd=handle, dst_dir_fd=handle)
            self._known.pop(name, None)
            _clear(handle, GOING + name)

    def _sessions(self) -> list[Known]:
        try:
            with opened(self._data, self._folder) as handle:
                names = listed(handle).folders
                if not self._foreign():
                    self._go_on(handle, [name for name in names if name.startswith(GOING)])
                found = {name: known for name in names if SESSION.fullmatch(name) and (known := self._one(handle, name))}
        except FileNotFoundError:
            found = {}
        self._known = found
        return list(found.values())

    def _go_on(self, handle: int, names: list[str]) -> None:
        for name in names:
            try:
                _clear(handle, name)
            except OSError as error:
                self._on_fault(f"{self.name}: {self._folder}/{name} cannot be removed", error)

    def _one(self, parent: int, name: str) -> Known | None:
        try:
            handle = os.open(name, OPENING, dir_fd=parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._on_fault(f"{self.name}: {self._folder}/{name} cannot be read", error)
            return None
        try:
            return self._looked_at(handle, name)
        except OSError as error:
            self._on_fault(f"{self.name}: {self._folder}/{name} cannot be read", error)
            return self._known.get(name)
        finally:
            os.close(handle)

    def _looked_at(self, handle: int, name: str) -> Known:
        folder, manifest = os.fstat(handle), _stat(handle, MANIFEST)
        changed_ns = (folder.st_mtime_ns, manifest.st_mtime_ns if manifest else 0)
        old = self._known.get(name)
        if old and old.removable and old.changed_ns == changed_ns:
            return replace(old, kept=replace(old.kept, pinned=_stat(handle, PIN) is not None))
        session, sized = _read(handle), _sized(handle)
        wall_ns = (session.start - EPOCH) // timedelta(microseconds=1) * 1000 if session else folder.st_mtime_ns
        pinned = _stat(handle, PIN) is not None
        kept = Kept(f"{self._folder}/{name}", sized.bytes, wall_ns, sized.files, pinned)
        over = session is not None and session.state == "complete"
        return Known(changed_ns, kept, removable=over and not sized.unfinished)


def _stat(handle: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _read(handle: int) -> SessionManifest | None:
    """None: there is none, or none that can be read; then nobody knows that it is over."""
    try:
        file = os.open(MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
    except OSError:
        return None
    with os.fdopen(file, "rb") as manifest:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        text = manifest.read(MOST_MANIFEST_BYTES)
    try:
        return SessionManifest.model_validate_json(text)
    except ValidationError:
        return None


def _sized(handle: int, depth: int = 0) -> Sized:
    """Of the folder and all below it. A take is unfinished while its log is there, or has no manifest beside its clips."""
    there = listed(handle)
    names = {file.name for file in there.files}
    cut = any(name.endswith(UNFINISHED) for name in names)
    sized = Sized(sum(file.bytes for file in there.files), len(there.files), cut)
    for name in there.folders if depth < DEEPEST else ():
        inner = os.open(name, OPENING, dir_fd=handle)
        try:
            below = _sized(inner, depth + 1)
            bare = depth == 0 and SESSION.match(name) is not None and _stat(inner, MANIFEST) is None
        finally:
            os.close(inner)
        sized += replace(below, unfinished=below.unfinished or bare)
    return sized


def _refuse_pinned(parent: int, name: str) -> None:
    """It may have been pinned since it was listed."""
    with suppress(FileNotFoundError):
        handle = os.open(name, OPENING, dir_fd=parent)
        try:
            if _stat(handle, PIN) is not None:
                raise StorageError(f"{name}: is to be kept; it was pinned meanwhile")
        finally:
            os.close(handle)


def _clear(parent: int, name: str, depth: int = 0) -> None:
    """The folder with all that is in it; a link in it goes, what it points to stays, and so does another file system."""
    try:
        handle = os.open(name, OPENING, dir_fd=parent)
    except FileNotFoundError:
        return
    try:
        if depth > DEEPEST_CLEARED:
            raise OSError(errno.ENOTEMPTY, f"more than {DEEPEST_CLEARED} folders in one another, which is none of ours; remove it by hand")
        if os.fstat(handle).st_dev != os.fstat(parent).st_dev:
            raise OSError(errno.EXDEV, "another file system is mounted in it; unmount that")
        with os.scandir(handle) as entries:
            inside = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for inner, is_folder in inside:
            if is_folder:
                _clear(handle, inner, depth + 1)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(inner, dir_fd=handle)
    finally:
        os.close(handle)
    os.rmdir(name, dir_fd=parent)


def _oldest(item: Kept) -> tuple[int, str]:
    return item.wall_ns, item.name


def _largest(item: Kept) -> tuple[int, int, str]:
    return -item.bytes, item.wall_ns, item.name
