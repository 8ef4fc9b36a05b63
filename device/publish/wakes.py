"""Wakes: who wants to be told that something new is on disk; they come and go in any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Wakes:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []

    def add(self, wake: Callable[[], None]) -> Callable[[], None]:
        """`wake` is called from now on; call what is returned to end that."""
        with self._lock:
            self._calls.append(wake)
        return lambda: self._end(wake)

    def __call__(self) -> None:
        with self._lock:
            calls = list(self._calls)
        for wake in calls:
            wake()

    def _end(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._calls = [call for call in self._calls if call is not wake]
