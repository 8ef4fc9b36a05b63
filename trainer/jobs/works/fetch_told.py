"""Fetching: how far a fetch is, told to its job, and the job's wish to stop, told to the fetch."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from trainer.jobs.told import Told

EVERY_S = 0.5


class Fetching:
    """`stop` is set within half a second of the job's end being asked for; several threads of the fetch report here."""

    def __init__(self, told: Told) -> None:
        self._told, self._lock = told, threading.Lock()
        self._bytes, self._done, self._box, self._began = 0, 0.0, "", time.monotonic()
        self.stop, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._listen, name="fetch-told", daemon=True)

    def came(self, count: int) -> None:
        with self._lock:
            self._bytes += count

    def at(self, box: str, done: float) -> None:
        with self._lock:
            self._box, self._done = box, done

    def _listen(self) -> None:
        while not self._over.wait(EVERY_S):
            with self._lock:
                size, done, box = self._bytes, self._done, self._box
            speed = size / max(0.001, time.monotonic() - self._began) / 1e6
            self._told.progress(done, f"{box}: {size / 1e6:.1f} MB, {speed:.1f} MB/s" if box else f"{size / 1e6:.1f} MB")
            if self._told.stopped():
                self.stop.set()

    def __enter__(self) -> Fetching:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
