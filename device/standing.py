"""Standing: how the data folder is found at a start: whether it can be written to, and what the last run left in it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import StorageError
from contracts.files import write_durably
from device.record.recover import Recovered

FULL = {errno.ENOSPC, errno.EDQUOT}


def usable(folder: Path) -> None:
    """StorageError where no file can be made. A full disk is no reason not to watch: recording waits, events are kept in memory."""
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
