"""Soundtrack: sound on its way from the pictures it rode on into the clip in which its time lies; it never keeps a picture waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, takewhile
from typing import Protocol

from device.pipeline.packets import Packet
from device.pipeline.sound import Sound

FAR_NS = 10_000_000_000  # from the picture it rode on: such times are broken
LATE_NS = 500_000_000  # sound may come so long after the pictures of its time
SOON_NS = 500_000_000  # of this much of the pictures some must have sound, or the clip is begun without


class Hearing(Protocol):
    """A clip that is being written."""

    def hear(self, sound: Sound) -> None: ...


class Soundtrack:
    def __init__(self) -> None:
        self._waiting: deque[Sound] = deque()
        self._came_pts_ns: int | None = None
        self.lost = 0

    def board(self, packet: Packet) -> None:
        """What rode on a picture that is written."""
        for sound in packet.sounds:
            away_ns = abs(sound.pts_ns - packet.pts_ns)
            if away_ns > FAR_NS:
                self.lost += 1
                continue
            self._waiting.append(sound)
            if away_ns < SOON_NS:
                self._came_pts_ns = packet.pts_ns

    def alive(self, packet: Packet) -> bool:
        """Whether sound has come with the pictures lately."""
        return self._came_pts_ns is not None and packet.pts_ns - self._came_pts_ns < SOON_NS

    def play(self, clip: Hearing, until_pts_ns: int) -> None:
        """What lies before a time goes into the clip."""
        while self._waiting and self._waiting[0].pts_ns < until_pts_ns:
            clip.hear(self._waiting.popleft())

    def begins(self, packets: Sequence[Packet]) -> bool | None:
        """Whether a clip that begins with these has sound from its beginning on; None: that is not known yet."""
        first = packets[0]
        if first.stream.sound is None or not first.stream.sound.head:
            return False
        soon = chain(self._waiting, (sound for packet in _within(packets, SOON_NS) for sound in packet.sounds))
        if any(first.pts_ns <= sound.pts_ns <= first.pts_ns + SOON_NS for sound in soon):
            return True
        return None if packets[-1].dts_ns - first.dts_ns < SOON_NS else False

    def play_late(self, clip: Hearing, until_pts_ns: int, packets: Iterable[Packet]) -> None:
        """Also what rides on pictures behind the end of the clip."""
        self.play(clip, until_pts_ns)
        for packet in _within(packets, LATE_NS):
            for sound in packet.sounds:
                if sound.pts_ns < until_pts_ns:
                    clip.hear(sound)


def settled(packets: Sequence[Packet], pts_ns: int) -> bool:
    """Whether all sound from before a time has come, or has had its time to come."""
    if not packets or packets[0].stream.sound is None:
        return True
    late = any(sound.pts_ns >= pts_ns for packet in packets for sound in packet.sounds)
    return late or packets[-1].dts_ns - packets[0].dts_ns >= LATE_NS


def _within(packets: Iterable[Packet], span_ns: int) -> Iterable[Packet]:
    first: list[int] = []

    def near(packet: Packet) -> bool:
        first[:] = first or [packet.dts_ns]
        return packet.dts_ns - first[0] <= span_ns

    return takewhile(near, packets)
