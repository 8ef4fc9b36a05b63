"""Closing: a video gets its own name when all of it is on the disk; one that a crash cut is written anew where there is room for that."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from av.error import FFmpegError

from contracts.errors import StorageError
from contracts.files import rename_durably, storage, sync_folder
from device.pipeline.mux import Muxer, remux
from device.record.clipfile import ClipFile
from device.record.layout import sized

COPY = ".copy"  # a clip being written anew; worthless before it is renamed


def finish(muxer: Muxer, file: ClipFile, video: Path) -> tuple[int, str]:
    """What was being written becomes `video`, whole and on the disk; its bytes and SHA-256. StorageError; then `give_up`."""
    try:
        muxer.close()
    except (OSError, FFmpegError) as error:
        raise refused(file, error) from error
    if refusal := file.refusal():
        raise refusal
    file.close()
    found = sized(file.path)
    rename_durably(file.path, video)
    return found


def refused(file: ClipFile, error: OSError | FFmpegError) -> StorageError:
    """What the disk said, where a muxer said it in its own words."""
    return file.refusal() or StorageError(f"{file.path}: {error}; see the disk's state")


def give_up(muxer: Muxer, file: ClipFile) -> None:
    """After an error: let go of the file, which stays as it is for `recover`."""
    with suppress(OSError, FFmpegError):  # the error that led here is the one to report
        file.give_up()
        muxer.close()
    with suppress(StorageError):
        file.close()


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
