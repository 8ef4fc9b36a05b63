"""Budget: how many bytes of pictures may still be kept: so much an hour of capture time, and so much beside what clips take."""

from __future__ import annotations

from collections.abc import Callable

from device.export.export_options import ExportOptions

BURST_H = 1 / 60  # a minute's worth may be kept at once
FREE_BYTES = 4_000_000  # beside a share of nothing


class Budget:
    """By capture time, so that a file gives the same set twice; the share is for live cameras, whose clips are of the same minutes."""

    def __init__(self, options: ExportOptions, recorded_bytes: Callable[[], int] | None) -> None:
        self._per_ns = options.max_mb_per_hour * 1e6 / 3600e9
        self._most = self._left = options.max_mb_per_hour * 1e6 * BURST_H
        self._share, self._recorded = options.max_share, recorded_bytes
        self._at_ns: int | None = None
        self._spent = 0

    def refuses(self, wall_ns: int) -> str:
        """Why nothing more may be kept at this time; empty: it may."""
        passed_ns = max(0, wall_ns - self._at_ns) if self._at_ns is not None else 0
        self._left = min(self._most, self._left + passed_ns * self._per_ns)
        self._at_ns = wall_ns
        if self._left <= 0:
            return "budget"
        if self._recorded is not None and self._share is not None and self._spent > FREE_BYTES + self._share * self._recorded():
            return "share"
        return ""

    def spend(self, size: int) -> None:
        self._left -= size
        self._spent += size
