"""Trail: the last messages of all events, numbered, so that a browser that was away goes on where it was."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from contracts.event import Event
from device.web.desk import Desk
from device.web.pump import Pump

KEPT = 1000


@dataclass(frozen=True, slots=True)
class Numbered:
    seq: int
    event: Event

    def words(self, run: str) -> dict[str, Any]:
        return {"type": "event", "seq": self.seq, "run": run, "event": self.event.model_dump(mode="json")}


class Trail:
    """Used in the event loop only. Numbers count within one `run`: a restart of the appliance begins a new one."""

    def __init__(self, desk: Desk, failed: Callable[[BaseException], None], kept: int = KEPT) -> None:
        self.run = uuid4().hex
        self.seq = 0
        self._kept: deque[Numbered] = deque(maxlen=kept)
        self._changed = asyncio.Condition()
        self._wakes: set[asyncio.Task[None]] = set()
        self._pump: Pump[Event] = Pump("page events", desk.events.listen, lambda event: lambda: self.add(event), failed)

    def start(self) -> None:
        self._pump.start()

    def stop(self) -> None:
        self._pump.stop()

    def add(self, event: Event) -> None:
        self.seq += 1
        self._kept.append(Numbered(self.seq, event))
        task = asyncio.get_running_loop().create_task(self._wake())
        self._wakes.add(task)
        task.add_done_callback(self._wakes.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def since(self, seq: int) -> tuple[list[Numbered], int]:
        """What came after `seq`, and how many of it are no longer kept."""
        first = self._kept[0].seq if self._kept else self.seq + 1
        return [item for item in self._kept if item.seq > seq], max(0, first - seq - 1)

    async def wait(self, seq: int) -> None:
        """Until there is something after `seq`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.seq > seq)
