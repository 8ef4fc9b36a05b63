"""Unit: one encoded picture as it came, in its source's own time; a source gives it a place in time and makes a Packet of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.capture.timeline import Moment
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.sound import Sound


@dataclass(frozen=True, slots=True)
class Unit:
    pts_ns: int | None
    dts_ns: int | None
    duration_ns: int
    key: bool
    data: bytes
    sounds: tuple[Sound, ...] = ()  # in the same time

    def packet(self, stream: StreamInfo, seq: int, at: Moment) -> Packet:
        sounds = self.shifted(at.pts_ns - self.pts_ns) if self.sounds and self.pts_ns is not None else ()
        return Packet(stream, seq, at.pts_ns, at.dts_ns, self.duration_ns, self.key, self.data, at.mono_ns, at.wall_ns, sounds)

    def shifted(self, by_ns: int) -> tuple[Sound, ...]:
        """The sounds, moved with their picture."""
        return tuple(replace(sound, pts_ns=sound.pts_ns + by_ns) for sound in self.sounds)
