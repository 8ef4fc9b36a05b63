"""Pump: a thread that reads what waits (a hub, a packet ring) and brings it into the event loop, only while it is wanted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, Protocol, TypeVar

from device.pipeline.channel import Closed

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
WAIT_S = 0.5  # how soon a pump notices that it is to stop


class Reader(Protocol[T_co]):
    def get(self, timeout_s: float) -> T_co: ...


class Pump(Generic[T]):
    """`each` runs in the pump's thread for every item; what it gives back, if anything, runs in the event loop."""

    def __init__(
        self,
        name: str,
        opened: Callable[[], AbstractContextManager[Reader[T]]],
        each: Callable[[T], Callable[[], None] | None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._name, self._opened, self._each, self._failed = name, opened, each, failed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is not None:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(asyncio.get_running_loop(), self._stop), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Does not wait: the thread ends by itself within half a second."""
        self._stop.set()
        self._thread = None

    def _run(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        try:
            with self._opened() as reader:
                while not stop.is_set():
                    self._turn(reader, loop, stop)
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - nobody joins this thread: the page's worker raises it, and the crew answers
            self._failed(error)

    def _turn(self, reader: Reader[T], loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        try:
            item = reader.get(WAIT_S)
        except TimeoutError:
            return
        deliver = self._each(item)
        if deliver is not None and not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if stop.is_set() else deliver())
