"""Closing: a video that a crash cut gets its own name, written anew where there is room for that."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from av.error import FFmpegError

from contracts.errors import StorageError
from contracts.files import rename_durably, storage, sync_folder
from device.pipeline.mux import remux
from device.record.clipfile import ClipFile

COPY = ".copy"  # a clip being written anew; worthless before it is renamed


def close_part(part: Path, video: Path, frames: int, comment: str, reserve_bytes: int = 0) -> None:
    """Written anew it has an index, which players want for its length and for seeking; without room for that it plays all the same."""
    if not _copied(part, video, frames, comment, reserve_bytes):
        _sync(part)
        rename_durably(part, video)


def _sync(part: Path) -> None:
    """After a kill its last bytes may not be on the disk yet, and its manifest will say that they are there."""
    with storage(part):
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _copied(part: Path, video: Path, frames: int, comment: str, reserve_bytes: int) -> bool:
    copy = video.with_name(video.name + COPY)
    try:
        with suppress(FileNotFoundError):
            copy.unlink()
        file = ClipFile(copy, reserve_bytes + part.stat().st_size)
        try:
            if remux(str(part), file, comment) != frames or file.failed:
                return False
        finally:
            file.close()
        rename_durably(copy, video)
        part.unlink()
        sync_folder(part.parent)
    except (OSError, StorageError, FFmpegError):
        return False
    finally:
        with suppress(OSError):
            copy.unlink(missing_ok=True)
    return True
