"""Turn: one thread after another at a data set; whatever the disk refuses meanwhile becomes a StorageError."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from types import TracebackType

from contracts.errors import StorageError
from contracts.files import storage


class Turn:
    """A lock that a thread may take again while it has it."""

    def __init__(self, root: Path) -> None:
        self._root, self._lock = root, threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()
        if isinstance(error, OSError):
            with storage(self._root):
                raise error
        if isinstance(error, sqlite3.DatabaseError):
            raise StorageError(f"{self._root}/index.sqlite: {error}; see the disk's state, or delete it: it is made again") from error
