"""Span: packets kept so that what was not decoded still can be; begins at a key frame, and only refers to what the ring holds."""

from __future__ import annotations

from collections import deque

from device.pipeline.packets import Packet


class Span:
    """Longer than `max_wait_ns` without a key frame it keeps nothing until the next: then it is `long`."""

    def __init__(self, max_wait_ns: int) -> None:
        self._max_wait_ns = max_wait_ns
        self._packets: deque[Packet] = deque()
        self._keys: deque[int] = deque()  # media times of the key frames held
        self._key_ns: int | None = None  # of the newest key frame seen
        self.long = False

    def add(self, packet: Packet) -> None:
        if packet.key:
            if self.long:
                self.clear()
            self._key_ns = packet.pts_ns
            self._keys.append(packet.pts_ns)
        self.long = self._key_ns is None or packet.pts_ns - self._key_ns > self._max_wait_ns
        if self._keys:
            self._packets.append(packet)

    def begin(self, packet: Packet) -> None:
        """Forget what was before this key frame."""
        self.clear()
        self.add(packet)

    def trim(self, pts_ns: int) -> None:
        """A picture of that time has been looked at: groups that end before it are needed no more. A long one never is."""
        if self.long:
            self._drop()
        while len(self._keys) > 1 and self._keys[1] <= pts_ns:
            self._packets.popleft()
            while self._packets and not self._packets[0].key:
                self._packets.popleft()
            self._keys.popleft()

    def covers(self, pts_ns: int) -> bool:
        """Can everything after that time be decoded from here?"""
        return bool(self._keys) and self._keys[0] <= pts_ns and not self.long

    def close_key(self, packet: Packet) -> bool:
        """A key frame that came soon enough after the one before it."""
        return packet.key and self._key_ns is not None and packet.pts_ns - self._key_ns <= self._max_wait_ns

    def take(self) -> list[Packet]:
        """All of it; keeps nothing."""
        packets = list(self._packets)
        self._drop()
        return packets

    def clear(self) -> None:
        self._drop()
        self._key_ns = None
        self.long = False

    def _drop(self) -> None:
        self._packets.clear()
        self._keys.clear()
