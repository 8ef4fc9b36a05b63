"""Trends: the last minutes of the appliance as series of numbers, kept here so that a page that has just been opened has a past."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from device.pipeline.tally import LOOKED_AT
from device.web.desk import Desk

EVERY_S = 2.0
KEPT = 300  # ten minutes
RATES = {"analysed": "analysed", "packets": "received", "offered": "offered", "gated": "gated"}
MONO_GAUGES = ("last_result_mono_ns", "last_packet_mono_ns", *LOOKED_AT)
Key = tuple[str, str, str]  # camera or "", group, name


@dataclass(frozen=True, slots=True)
class Sample:
    wall_ms: int
    mono_ns: int
    counts: dict[tuple[str, str, str], int]
    values: dict[Key, float]


class Trends:
    """`sample()` is called every EVERY_S; rates are per second between two samples."""

    def __init__(self, desk: Desk, kept: int = KEPT) -> None:
        self._desk = desk
        self._samples: deque[Sample] = deque(maxlen=kept)

    def sample(self) -> None:
        now_ns, tally = self._desk.clock.mono_ns(), self._desk.tally
        counts = tally.counts()
        values = {**self._rates(counts, now_ns), **self._ages(now_ns), **self._depths()}
        for (camera, stage), took in tally.percentiles().items():
            values |= {(camera, "stage", f"{stage} p{q}"): v for q, v in ((50, took.p50_ms), (95, took.p95_ms), (99, took.p99_ms))}
        self._samples.append(Sample(self._desk.clock.wall_ns() // 1_000_000, now_ns, counts, values))

    def _rates(self, counts: dict[tuple[str, str, str], int], now_ns: int) -> dict[Key, float]:
        if not self._samples:
            return {}
        last = self._samples[-1]
        span_s = max(0.001, (now_ns - last.mono_ns) / 1e9)
        rates: dict[Key, float] = {}
        for key, count in counts.items():
            camera, what, reason = key
            if what == "dropped":
                rates[camera, "drops", reason or "dropped"] = (count - last.counts.get(key, 0)) / span_s
            elif what in RATES:
                name = (camera, "fps", RATES[what])
                rates[name] = rates.get(name, 0.0) + (count - last.counts.get(key, 0)) / span_s
        return rates

    def _ages(self, now_ns: int) -> dict[Key, float]:
        looked_at = {camera: self._desk.tally.looked_at_ns(camera) for camera in self._desk.rings}
        return {(camera, "age", "newest frame"): (now_ns - at_ns) / 1e6 for camera, at_ns in looked_at.items() if at_ns is not None}

    def _depths(self) -> dict[Key, float]:
        """Whatever else a part measures: queue depths, bytes held."""
        gauges = self._desk.tally.gauges().items()
        return {(camera, "depth", name): value for (camera, name), value in gauges if name not in MONO_GAUGES}

    def series(self, after_ms: int = 0) -> dict[str, Any]:
        """Columns of equal length: times, and for each series its values, null where there was none."""
        samples = self._behind(after_ms)
        keys = sorted({key for sample in samples for key in sample.values})
        columns = [{"camera": c, "group": g, "name": n, "values": [_short(s.values.get((c, g, n))) for s in samples]} for c, g, n in keys]
        return {"every_s": EVERY_S, "t_ms": [s.wall_ms for s in samples], "series": columns}

    def _behind(self, after_ms: int) -> list[Sample]:
        """What came after the sample of that time: the clock may have been set back since."""
        samples = list(self._samples)
        known = next((n for n in reversed(range(len(samples))) if samples[n].wall_ms == after_ms), -1)
        return samples[known + 1 :]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
