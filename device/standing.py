"""Standing: how the data folder is found at a start: whether it can be written to, and what the last run left in it."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from contracts.errors import StorageError
from contracts.files import storage, write_durably
from device.record.recover import Recovered

FULL = {errno.ENOSPC, errno.EDQUOT}
OTHERS = 0o007
OURS = "outbox.lock"  # in every data folder that was ever used
READ_ONLY = "models"  # what is in it is read and checked by its hashes, never written or given out
log = logging.getLogger(__name__)


def usable(folder: Path) -> None:
    """StorageError where no file can be made, or a link would lead what is made elsewhere; and the folder is closed to others.

    A full disk is no reason not to watch: recording waits, events are kept in memory.
    """
    new = not folder.exists()
    _takes_files(folder)
    if folder.is_dir():
        _without_links(folder)
        _close_to_others(folder, new)


def open_to_others(folder: Path) -> bool:
    """Whether any user of this machine can look into it."""
    return bool(folder.stat().st_mode & OTHERS)


def _without_links(folder: Path) -> None:
    """Those further in are refused where they are met."""
    with storage(folder):
        links = sorted(path.name for path in folder.iterdir() if path.is_symlink() and path.name != READ_ONLY)
    if links:
        mend = "remove it; to keep things on another disk, mount that there or move the whole folder and change `data`"
        raise StorageError(f"data folder {folder}: {links[0]} is a symbolic link, and none is followed; {mend}")


def _close_to_others(folder: Path, new: bool) -> None:
    """Only a folder that is surely ours: `data` may have been set to one that others share."""
    status = folder.stat()
    if not status.st_mode & OTHERS:
        return
    mine = status.st_uid == os.geteuid() and not status.st_mode & stat.S_ISVTX
    if mine and (new or (folder / OURS).exists() or not any(folder.iterdir())):
        with suppress(OSError):  # a file system without rights; the warning says so
            folder.chmod(stat.S_IMODE(status.st_mode) & (0o7750 if new else ~OTHERS))
    if open_to_others(folder):
        log.warning("the data folder can be read by every user of this machine; `vedette doctor` says what to do", extra={"folder": folder})
    elif not new:
        log.info("the data folder was closed to other users of this machine", extra={"folder": folder})


def _takes_files(folder: Path) -> None:
    probe = folder / ".check"
    try:
        write_durably(probe, b"")
        probe.unlink()
    except StorageError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in FULL:
            return
        reason = (isinstance(cause, OSError) and cause.strerror) or str(error)
        raise StorageError(f"data folder {folder}: {reason}; give the service's user the folder, or change `data`") from error


def said(found: Recovered) -> str:
    """What the owner should know of it; empty when all was mended."""
    words = []
    if found.salvaged:
        words.append(f"{_files(found.salvaged)} of the last run cannot be played and was put into salvage/; look at it, then delete it")
    if found.waiting:
        words.append(f"{_files(found.waiting)} of the last run could not be closed yet ({found.waiting[0]}); the next start tries again")
    return "; ".join(words)


def _files(found: Sequence[object]) -> str:
    return "one file" if len(found) == 1 else f"each of {len(found)} files"
