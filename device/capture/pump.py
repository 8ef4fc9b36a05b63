"""Pump: runs a reader that may hang on a thread of its own, so that whoever waits for it can leave at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

from contracts.errors import HardwareError
from device.pipeline.channel import Channel, Closed

T = TypeVar("T")


class Pump(Generic[T]):
    """Iterate over it once. Closed, it ends at once; a reader stuck in the network is left to its own time-out.

    `silence_s` without anything raises HardwareError: a camera that hangs is a camera that failed.
    """

    def __init__(self, name: str, items: Iterator[T], silence_s: float) -> None:
        self._name, self._items, self._silence_s = name, items, silence_s
        self._channel: Channel[T] = Channel(256, "block")
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._read, name=f"{name} reader", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                yield self._channel.get(self._silence_s)
        except TimeoutError:
            raise HardwareError(
                f"camera {self._name}: nothing came for {self._silence_s:g} s; see that it is powered and its cable or network is up"
            ) from None
        except Closed:
            error, self._error = self._error, None
            if error is not None:
                raise error from None
        finally:
            self.close()

    def _read(self) -> None:
        try:
            for item in self._items:
                self._channel.put(item)
        except Closed:
            pass
        except Exception as error:  # noqa: BLE001 - raised again in the thread that iterates: there it is answered or stops the process
            self._error = error
        finally:
            self._channel.close()
            self._let_go()

    def _let_go(self) -> None:
        close = getattr(self._items, "close", None)
        if close is not None:
            close()  # of a generator: its container is closed by the thread that read it

    def close(self) -> None:
        self._channel.close()
