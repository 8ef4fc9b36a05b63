"""Listening: a port with TLS. Who never agrees on TLS is nobody yet to uvicorn, and takes a file descriptor: few are kept."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any


class Listening(socket.socket):
    """`greeted`: descriptors of those that agreed. Of more than `most` others the oldest gives way. Used in the event loop only."""

    def __init__(self, family: int, kind: int, proto: int, greeted: Callable[[], Collection[int]], most: int) -> None:
        super().__init__(family, kind, proto)
        self._greeted, self._most = greeted, most
        self._shaking: list[socket.socket] = []

    def accept(self) -> tuple[socket.socket, Any]:
        made, where = super().accept()
        self._shaking = [each for each in self._shaking if each.fileno() >= 0]
        if len(self._shaking) >= self._most:
            greeted = self._greeted()
            self._shaking = [each for each in self._shaking if each.fileno() not in greeted]
        for each in self._shaking[: max(0, len(self._shaking) + 1 - self._most)]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # asyncio, whose it is, sees its end and closes it
        self._shaking = [*self._shaking[-self._most + 1 :], made]
        return made, where
