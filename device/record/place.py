"""Place: where recordings go, how long they may be, and what they say of whose they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from device.pipeline.channel import nothing
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
    require: Callable[[], None] = nothing  # StorageError when the disk is not there any more


def place(data: Path, options: RecordOptions, device: str, software: str, require: Callable[[], None]) -> Place:
    longest_ns, segment_ns, reserve_bytes = options.longest_clip_s * SECOND, options.segment_s * SECOND, options.reserve_mb * 1_000_000
    return Place(data, longest_ns, segment_ns, reserve_bytes, device, software, require)
