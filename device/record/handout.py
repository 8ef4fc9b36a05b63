"""Handout: clips copied to a folder of their owner's choice, a USB disk for one; whole and compared, or not there under their names."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from contracts.clip import Clip
from contracts.errors import ConfigError, StorageError
from contracts.event import Event
from contracts.files import file_name, make_folders, rename_durably, write_durably
from device.record.catalog import StoredClip
from device.record.layout import BLOCK_BYTES, clips_folder

HALF = ".half"  # a copy under way; the next handout goes on with it
SLACK_BYTES = 1 << 20  # manifests, events, the folder's own blocks
WORDS = {
    errno.ENOSPC: "is full; free some room there and run this again, it goes on where it stopped",
    errno.EFBIG: "takes no file that large (FAT: 4 GB); format it as exFAT",
    errno.EROFS: "is read-only; mount it writable, or slide its lock",
    errno.ENODEV: "is gone; plug it in again and run this again",
    errno.EIO: "has a fault; try another one",
}
Told = Callable[[int], None]  # bytes copied and compared since the last call


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of one clip."""

    video: Path
    bytes: int
    copied: bool  # False: it was there already, and is right
    events: int


class Handout:
    """`event` finds what is known of an event; what is not known any more is in the manifest at least by name."""

    def __init__(self, data: Path, folder: Path, event: Callable[[UUID], Event | None]) -> None:
        self._data, self._folder, self._event = data, folder, event
        if folder.resolve().is_relative_to(clips_folder(data).resolve()):
            raise ConfigError(f"{folder}: lies among the clips themselves; name a folder somewhere else")

    def check_room(self, clips: Sequence[StoredClip]) -> None:
        """StorageError when it cannot work out, before anything is written."""
        with self._seam():
            make_folders(self._folder)
            missing = sum(self._missing(stored) for stored in clips)
            free = shutil.disk_usage(self._folder).free
        if missing and missing + SLACK_BYTES > free:
            raise StorageError(f"{self._folder}: {missing / 1e6:.1f} MB to copy and {free / 1e6:.1f} MB free; free some room there")

    def _missing(self, stored: StoredClip) -> int:
        final = self._folder / handed_name(stored)
        there = [path.lstat().st_size for path in (final, _half(final)) if path.exists()]
        return max(0, stored.manifest.bytes - max(there, default=0))

    def hand(self, stored: StoredClip, told: Told = lambda _: None) -> Handed:
        """One clip: video, then events, and the manifest last: what has one is whole."""
        clip, final = stored.manifest, self._folder / handed_name(stored)
        with self._seam():
            make_folders(self._folder)
            copied = not self._is_there(final, clip, told)
            if copied:
                self._copy(self._data / stored.video, final, clip, told)
            events = [event for cause in clip.events if (event := self._event(cause.id))]
            if events:
                lines = b"".join(event.model_dump_json().encode() + b"\n" for event in events)
                write_durably(final.with_suffix(".events.jsonl"), lines)
            named = clip.model_copy(update={"file": final.name})
            write_durably(final.with_suffix(".json"), named.model_dump_json(indent=1).encode() + b"\n")
        return Handed(final, clip.bytes, copied, len(events))

    def _is_there(self, final: Path, clip: Clip, told: Told) -> bool:
        if not final.is_file() or final.stat().st_size != clip.bytes:
            return False
        return _digest(final, told) == clip.sha256

    def _copy(self, video: Path, final: Path, clip: Clip, told: Told) -> None:
        half = _half(final)
        digest = self._fill(video, half, told)
        if digest != clip.sha256:
            half.unlink()
            raise StorageError(f"{video}: is not what was recorded any more; run `vedette clips check`")
        if _digest(half, told) != clip.sha256:
            half.unlink()
            raise StorageError(f"{final}: what was written there cannot be read back; try another disk")
        rename_durably(half, final)

    def _fill(self, video: Path, half: Path, told: Told) -> str:
        """What an earlier try has written stays as far as it is right; the digest of what was read here."""
        digest = sha256()
        handle = os.open(half, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        with _source(video) as source, os.fdopen(handle, "r+b", buffering=0) as copy:
            same = True
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
                at = copy.tell()
                same = same and copy.read(len(block)) == block
                if not same:
                    copy.seek(at)
                    _write(copy, block)
                told(len(block))
            copy.truncate()
            os.fsync(copy.fileno())
        return digest.hexdigest()

    @contextmanager
    def _seam(self) -> Iterator[None]:
        """Words for what a foreign disk refuses."""
        try:
            yield
        except (OSError, StorageError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if not isinstance(cause, OSError):
                raise
            words = WORDS.get(cause.errno or 0, f"refuses: {cause.strerror or cause}")
            raise StorageError(f"{self._folder}: {words}") from cause


def handed_name(stored: StoredClip) -> str:
    """Good on FAT and on Windows, and unlike that of any other clip."""
    clip = stored.manifest
    return f"{file_name(clip.camera)}_{clip.start:%Y-%m-%d}_{stored.video.rpartition('/')[2]}"


def _half(final: Path) -> Path:
    return final.with_name(final.name + HALF)


@contextmanager
def _source(video: Path) -> Iterator[BinaryIO]:
    try:
        file = video.open("rb")
    except OSError as error:
        raise StorageError(f"{video}: {error.strerror}; run `vedette clips check`") from None  # it is not the folder's fault
    with file:
        yield file


def _write(file: BinaryIO, block: bytes) -> None:
    """A raw file may take less than it is given."""
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


def _digest(path: Path, told: Told) -> str:
    """Of what is on the disk: what the kernel still holds of it is let go first."""
    digest = sha256()
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            told(len(block))
    return digest.hexdigest()
