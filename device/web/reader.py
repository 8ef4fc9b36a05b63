"""Reader: one who listens to the stream of events: where he is in it, what he wants of it, what he is told he missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from contracts.event import Event
from device.clock import Clock
from device.web.desk import Message
from device.web.trail import Trail

BEAT_S = 2.0
STALLED_S = 60.0  # who takes nothing for so long is let go; he comes again with his number
AGAIN_S = 1.0  # when a disk in trouble gives nothing
Reason = Literal["no longer kept", "numbers began anew"]
Send = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wish:
    """Which messages are wanted; None: any."""

    camera: str | None = None
    kind: str | None = None
    label: str | None = None

    def fits(self, message: Message | Event) -> bool:
        wanted = ((self.camera, message.camera), (self.kind, message.kind), (self.label, message.label))
        return all(word is None or word == has for word, has in wanted)


class Reader:
    """Takes the next messages when the last ones are sent, so at most a batch waits for it, and it holds nobody up."""

    def __init__(self, trail: Trail, wish: Wish, send: Send, beat: Callable[[], dict[str, Any]], clock: Clock) -> None:
        self._trail, self._wish, self._send, self._beat, self._clock = trail, wish, send, beat, clock
        self._seq = trail.seq  # up to here everything was told
        self._unsaved = 0  # so many without a number were told
        self._due_ns = 0

    async def run(self, after: int) -> None:
        """Until it is cancelled; asyncio.TimeoutError when nothing could be sent for too long. `after` negative: from now on."""
        await self._begin(after)
        while True:
            told = await self._catch_up()
            await self._tell_unsaved()
            if self._clock.mono_ns() >= self._due_ns:
                self._due_ns = self._clock.mono_ns() + int(BEAT_S * 0.9e9)
                await self._say({**self._beat(), "seq": self._seq})
            if not told and self._trail.seq > self._seq:
                await asyncio.sleep(AGAIN_S)
            try:
                await asyncio.wait_for(self._trail.wait(self._seq, self._unsaved), BEAT_S)
            except asyncio.TimeoutError:
                continue

    async def _begin(self, after: int) -> None:
        first, last = await self._trail.bounds()
        ahead = after > last
        begin = last if after < 0 else first - 1 if ahead else max(after, first - 1)
        await self._say({"type": "hello", "seq": begin, "first": first, "last": last, "resumed": after == begin})
        if ahead:
            await self._say({"type": "missed", "from": None, "to": None, "count": None, "reason": "numbers began anew"})
        elif 0 <= after < begin:
            await self._miss(after + 1, begin)
        self._seq = begin
        if after < 0:
            self._unsaved = self._trail.unsaved

    async def _catch_up(self) -> bool:
        """One batch; whether there was any."""
        batch = await self._trail.since(self._seq)
        for message in batch:
            if message.seq > self._seq + 1:
                await self._miss(self._seq + 1, message.seq - 1)
            if self._wish.fits(message):
                await self._tell(f'{{"type":"event","seq":{message.seq},"event":{message.body}}}')
            self._seq = message.seq
        return bool(batch)

    async def _tell_unsaved(self) -> None:
        """A full disk hides nothing from who is looking."""
        loose, self._unsaved = self._trail.loose(self._unsaved), self._trail.unsaved
        for event in loose:
            if self._wish.fits(event):
                await self._tell(f'{{"type":"unsaved","event":{event.model_dump_json()}}}')

    async def _miss(self, first: int, last: int) -> None:
        reason: Reason = "no longer kept"
        await self._say({"type": "missed", "from": first, "to": last, "count": last - first + 1, "reason": reason})

    async def _say(self, words: dict[str, Any]) -> None:
        await self._tell(json.dumps(words, separators=(",", ":")))

    async def _tell(self, text: str) -> None:
        """Waits for a slow reader, not for one that has stopped reading."""
        await asyncio.wait_for(self._send(text), STALLED_S)
