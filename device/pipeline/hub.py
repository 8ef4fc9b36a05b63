"""Hub: one stream of values to any number of listeners that come and go; a slow one loses its oldest, counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from device.pipeline.channel import Channel, Closed

T = TypeVar("T")


class Hub(Generic[T]):
    def __init__(self, maxsize: int = 64) -> None:
        self._lock = threading.Lock()
        self._maxsize = maxsize
        self._listeners: list[Channel[T]] = []
        self._closed = False

    def put(self, item: T, wait: bool = False) -> bool:
        """To everyone who listens now; never blocks."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            with suppress(Closed):
                listener.put(item)
        return True

    @contextmanager
    def listen(self) -> Iterator[Channel[T]]:
        """A channel of what comes from now on; `dropped` on it says what this listener missed."""
        channel: Channel[T] = Channel(self._maxsize, "drop_oldest")
        with self._lock:
            if self._closed:
                channel.close()
            self._listeners.append(channel)
        try:
            yield channel
        finally:
            with self._lock:
                self._listeners.remove(channel)  # a put that copied the list just before still finds the channel open

    def listening(self) -> int:
        return len(self._listeners)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for listener in self._listeners:
                listener.close()
