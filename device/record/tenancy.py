"""Tenancy: whether an appliance runs on a data folder, and keeping one from starting while its files are being mended."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import StorageError

LOCK = "outbox.lock"  # held by the appliance as long as it runs


@contextmanager
def alone(data: Path) -> Iterator[bool]:
    """True: no appliance runs there, and none can start before this is left. Where there is no lock file none has ever run."""
    handle = _opened(data / LOCK)
    if handle is None:
        yield True
        return
    try:
        yield _locked(handle)
    finally:
        os.close(handle)


def running(data: Path) -> bool:
    with alone(data) as free:
        return not free


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; run this as the user of the service, or as root") from error


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
