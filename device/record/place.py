"""Place: where recordings go, how long they may be, and what they say of whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from device.record.options import RecordOptions

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    data: Path
    longest_ns: int
    segment_ns: int
    reserve_bytes: int
    device: str = ""
    software: str = ""


def place(data: Path, options: RecordOptions, device: str, software: str) -> Place:
    return Place(data, options.longest_clip_s * SECOND, options.segment_s * SECOND, options.reserve_mb * 1_000_000, device, software)
