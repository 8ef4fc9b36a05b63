"""Trail: the newest messages of all events in memory, by the journal's numbers; older ones are read where they are kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import takewhile

from contracts.event import Event
from device.web.desk import Message, Messages

KEPT, KEPT_SIZE = 1000, 16 << 20  # messages, and characters of them
BATCH = 100  # messages that wait in memory for one reader


class Trail:
    """Used in the event loop only. A message is here when it is on the disk, so its number is for good. What the disk does not take
    is told without one meanwhile, and again with one when there is room."""

    def __init__(self, messages: Messages, failed: Callable[[BaseException], None], kept: int = KEPT) -> None:
        self._messages, self._failed = messages, failed
        self.seq = messages.last_seq
        self.readers = 0
        self.unsaved = 0  # how many were told without a number
        self._kept: deque[Message] = deque(maxlen=kept)
        self._held: set[str] = set()  # the messages that memory held when it was looked at last
        self._loose: deque[Event] = deque(maxlen=kept)  # the newest that were told without a number, while some wait
        self._new = asyncio.Event()  # on the disk
        self._changed = asyncio.Condition()
        self._deaf: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the page has ended meanwhile
                loop.call_soon_threadsafe(self._new.set)

        self._deaf = self._messages.listen(wake)
        self._new.set()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        if self._deaf is not None:
            self._deaf()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        try:
            while True:
                await self._new.wait()
                self._new.clear()
                while found := await asyncio.to_thread(self._messages.since, self.seq, BATCH):
                    self._keep(found)
                    async with self._changed:
                        self.seq = found[-1].seq
                        self._changed.notify_all()
                await self._look_at_unsaved()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failed(error)
            raise

    def _keep(self, found: Sequence[Message]) -> None:
        """The newest, and not more of them than memory should hold."""
        self._kept.extend(found)
        size = sum(len(message.body) for message in self._kept)
        while size > KEPT_SIZE and len(self._kept) > 1:
            size -= len(self._kept.popleft().body)

    async def _look_at_unsaved(self) -> None:
        held = self._messages.unsaved()
        fresh = [message.event for message in held if message.id not in self._held]
        self._held = {message.id for message in held}
        if not held:
            self._loose.clear()  # all of it is told by number now
        if fresh:
            async with self._changed:
                self._loose.extend(fresh)
                self.unsaved += len(fresh)
                self._changed.notify_all()

    def loose(self, after: int) -> Sequence[Event]:
        """What was told without a number, from that count on, as far as it still waits."""
        return list(self._loose)[max(0, len(self._loose) - (self.unsaved - after)) :]

    async def since(self, seq: int) -> Sequence[Message]:
        """The next messages after that number, at most BATCH: from memory, and from the disk for who is further behind."""
        if self._kept and self._kept[0].seq <= seq + 1:
            newer = list(takewhile(lambda message: message.seq > seq, reversed(self._kept)))
            return newer[: -BATCH - 1 : -1]
        return await asyncio.to_thread(self._messages.since, seq, BATCH)

    async def bounds(self) -> tuple[int, int]:
        """The oldest number that can be told, and the last that was given; who knows it from elsewhere may be ahead of this page."""
        first = await asyncio.to_thread(self._messages.first_kept)
        return first, max(self.seq, self._messages.last_seq)

    async def wait(self, seq: int, unsaved: int) -> None:
        """Until there is something after `seq`, or more that has no number than so many."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.seq > seq or self.unsaved > unsaved)
