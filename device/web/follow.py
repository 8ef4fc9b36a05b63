"""Follow: the list of a data set's pictures brought up to its manifest, while somebody looks; it gives way to everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from contracts.errors import StorageError
from dataset.browse import Browse
from device.clock import Clock

AT_ONCE_NS = 300_000_000  # made up for before a page is shown; more is done behind it
REST = 3  # times as long as each step took


class Follow:
    def __init__(self, browse: Browse, clock: Clock, failed: Callable[[BaseException], None]) -> None:
        self._browse, self._clock, self._failed = browse, clock, failed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = asyncio.Event()
        self.trouble = ""  # why it is behind

    def now(self) -> None:
        """From any thread but the event loop's: a small data set is listed whole when this returns, a large one goes on behind."""
        until_ns = self._clock.mono_ns() + AT_ONCE_NS
        try:
            while self._browse.step():
                if self._clock.mono_ns() > until_ns:
                    break
            else:
                self.trouble = ""
                return
        except StorageError as error:
            self.trouble = str(error)
            return
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked.set)

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._asked.wait()
                began_ns = self._clock.mono_ns()
                if not await asyncio.to_thread(self._step):
                    self._asked.clear()
                await asyncio.sleep(REST * (self._clock.mono_ns() - began_ns) / 1e9)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self._browse.close()

    def _step(self) -> bool:
        """Whether there may be more."""
        try:
            more = self._browse.step() > 0
            self.trouble = ""
        except StorageError as error:
            self.trouble, more = str(error), False
        return more
