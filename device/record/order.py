"""Order: what is asked of a clip; Tail: where the segment before it ended."""

from __future__ import annotations

from dataclasses import dataclass

from device.pipeline.packets import Packet
from device.record.demand import Demand


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a clip. `owner`: who it is recorded for; `start_pts_ns`: what pre-roll is counted from."""

    owner: Demand
    start_pts_ns: int
    pre_roll_ms: int
    device: str
    software: str
    segment: int = 0


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the segment before ended: its last packet, and media time at which its last picture ends."""

    last: Packet
    end_ns: int
