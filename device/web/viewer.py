"""Viewer: what waits to be sent to one browser, bounded; a browser that is too slow is told what it missed."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

MAX_BYTES = 6 << 20  # a second or two of a good camera
MAX_WORDS = 256  # text messages: boxes, states


class Viewer:
    """Used in the event loop only. Pictures wait up to MAX_BYTES; then they are given up until the next key frame, and counted."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[str | bytes, bool]] = deque()  # message, whether it is a picture
        self._bytes = 0
        self._words = 0
        self._changed = asyncio.Event()
        self._missed = 0
        self._lost = False  # pictures are given up until a key frame comes

    def say(self, words: dict[str, Any]) -> None:
        """A text message; of too many the newest is left out, for there will be newer ones."""
        if self._words < MAX_WORDS:
            self._words += 1
            self._put(json.dumps(words, separators=(",", ":")), False)

    def header(self, data: bytes) -> None:
        """Small, and nothing can be shown without it: never given up."""
        self._put(data, False)

    def picture(self, data: bytes, key: bool) -> None:
        if self._bytes + len(data) > self._max_bytes and self._bytes:
            self._give_up()
        if self._lost and not key:
            self._missed += 1
            return
        if self._missed:
            self.say({"type": "missed", "pictures": self._missed, "why": "this connection is slower than the camera"})
        self._lost, self._missed = False, 0
        self._bytes += len(data)
        self._put(data, True)

    def _give_up(self) -> None:
        self._missed += sum(is_picture for _, is_picture in self._waiting)
        self._waiting = deque(item for item in self._waiting if not item[1])
        self._bytes, self._lost = 0, True

    def _put(self, message: str | bytes, is_picture: bool) -> None:
        self._waiting.append((message, is_picture))
        self._changed.set()

    async def next(self) -> str | bytes:
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        message, is_picture = self._waiting.popleft()
        if is_picture:
            self._bytes -= len(message)
        elif isinstance(message, str):
            self._words -= 1
        return message
