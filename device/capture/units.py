"""Unit: one encoded picture as it came, in its source's own time; a source gives it a place in time and makes a Packet of it."""

from __future__ import annotations

from dataclasses import dataclass

from device.capture.timeline import Moment
from device.pipeline.packets import Packet, StreamInfo


@dataclass(frozen=True, slots=True)
class Unit:
    pts_ns: int | None
    dts_ns: int | None
    duration_ns: int
    key: bool
    data: bytes

    def packet(self, stream: StreamInfo, seq: int, at: Moment) -> Packet:
        return Packet(stream, seq, at.pts_ns, at.dts_ns, self.duration_ns, self.key, self.data, at.mono_ns, at.wall_ns)
