"""Advice: options that are each right, and together not what the owner means."""

from __future__ import annotations

import re

from device.config import Loaded
from device.findings import Finding


def advice(loaded: Loaded) -> list[Finding]:
    return [*_gates(loaded), *_numbers(loaded)]


def _numbers(loaded: Loaded) -> list[Finding]:
    """/dev/video0 is whichever camera was found first."""
    paths = {name: str(getattr(options, "path", "")) for name, (_, options) in loaded.sources.items()}
    return [
        Finding(
            f"cameras.{name}.path",
            "note",
            f"{path} is another camera when they start in another order, or one is plugged in elsewhere",
            f"write its id in cameras.{name}.device; `vedette cameras` says it",
        )
        for name, path in paths.items()
        if re.fullmatch(r"/dev/video\d+", path)
    ]


def _gates(loaded: Loaded) -> list[Finding]:
    """The gate and the end of events: no frame is analysed while the gate is idle, so an event must have ended before it goes idle."""
    gates = {name: options.hold_ms for name, (_, options) in loaded.stages.items() if hasattr(options, "hold_ms")}
    gaps = {name: options.max_gap_ms for name, (_, options) in loaded.stages.items() if hasattr(options, "max_gap_ms")}
    return [
        Finding(
            f"pipeline.{gate}.hold_ms",
            "warning",
            f"{hold_ms} ms is less than pipeline.{stage}.max_gap_ms, {gap_ms} ms: the gate goes idle before an event has ended and cuts it",
            f"set pipeline.{gate}.hold_ms to more than {gap_ms}, or pipeline.{stage}.max_gap_ms to less than {hold_ms}",
        )
        for gate, hold_ms in gates.items()
        for stage, gap_ms in gaps.items()
        if hold_ms < gap_ms
    ]
