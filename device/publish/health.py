"""HealthReport: every few seconds, how the box and each camera is, and which faults last.

Health goes to the broker as a state in memory of which the latest counts: it never wears the flash.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import Field

from broker.letters import Letter
from contracts.health import CameraHealth, Health, OutboxHealth, PartHealth, StageHealth, StorageHealth, SystemHealth
from contracts.topics import Topics
from contracts.wire import utc_from_ns
from device.pipeline.board import Board, CameraState
from device.pipeline.channel import SLICE_S
from device.pipeline.protocols import Tick
from device.pipeline.strict import Strict
from device.pipeline.tally import Percentiles, Tally
from device.publish import system
from device.publish.alerts import Alerts
from device.publish.faults import Thresholds, faults
from device.publish.notices import Notices
from device.publish.outbox import Outbox
from device.publish.stamp import Stamp
from device.wear.heat import Heat
from device.wear.worn import Worn

SOON_NS = 1_000_000_000  # two reports are never nearer to one another, however often a camera comes and goes


class Options(Strict):
    interval_s: float = Field(default=10, ge=0.5, le=600, description="seconds between two reports")
    alerts: Thresholds = Thresholds()


class HealthReport:
    """`step` builds one report, keeps it as `last`, posts it and the alerts; `run` does so at every interval."""

    def __init__(
        self,
        options: Options,
        topics: Topics,
        stamp: Stamp,
        *,
        board: Board,
        tally: Tally,
        late: Callable[[], Sequence[str]],
        outbox: Outbox | None,
        notices: Notices | None,
        data: Path,
        storage: Callable[[], StorageHealth | None] = lambda: None,
    ) -> None:
        self._options, self._topics, self._stamp, self._clock = options, topics, stamp, stamp.clock
        self._board, self._tally, self._late, self._outbox, self._notices = board, tally, late, outbox, notices
        self._data, self._storage = data, storage
        self._alerts = Alerts(options.alerts, topics, stamp, notices, data / "alerts.json")
        self._worn, self._heat = Worn(data, self._clock), Heat()
        self._began_ns = self._before_ns = self._clock.mono_ns()
        self._before: dict[tuple[str, str], int] = {}
        self._cpu_ns = system.figures(data).cpu_ns
        self._stopping = threading.Event()
        self.last: Health | None = None

    def step(self) -> Health:
        now = self._clock.mono_ns()
        health = self._health(max(1e-3, (now - self._before_ns) / 1e9), now)
        self._alerts.step(faults(health, self._options.alerts))
        health = health.model_copy(update={"alerts": self._alerts.standing()})
        self._before_ns, self.last = now, health
        if self._notices:
            payload = self._stamp.wrap("health", health).model_dump_json().encode()
            expiry_s = int(self._options.interval_s * 3) + 1
            self._notices.post_state(Letter(self._topics.up("health"), payload, retain=True, expiry_s=expiry_s))
        return health

    def run(self, tick: Tick) -> None:
        """Worker: until `close`."""
        due = self._clock.mono_ns()
        while not self._stopping.is_set():
            tick()
            if self._clock.mono_ns() >= due:
                self.step()
                due = max(due + int(self._options.interval_s * 1e9), self._clock.mono_ns())
            self._stopping.wait(max(0.0, min(SLICE_S, (due - self._clock.mono_ns()) / 1e9)))
            if self._turned():
                due = min(due, max(self._clock.mono_ns(), self._before_ns + SOON_NS))

    def _turned(self) -> bool:
        """A camera came or went: whoever listens hears of it now, and not with the next report."""
        said = {name: camera.state for name, camera in self.last.cameras.items()} if self.last else {}
        return said != {name: camera.state for name, camera in self._board.cameras().items()}

    def close(self) -> None:
        self._stopping.set()

    # ---- parts of the report

    def _health(self, seconds: float, now_ns: int) -> Health:
        states = self._board.cameras()
        percentiles, counts = self._tally.percentiles(), self._tally.counts()
        storage, box = self._storage(), self._system(seconds, now_ns)
        cameras = {name: self._camera(name, state, seconds, now_ns, percentiles) for name, state in states.items()}
        parts = self._board.parts().items()
        return Health(
            fps=round(sum(camera.fps for camera in cameras.values()), 2),
            cameras=cameras,
            stages={_name(who, stage): _stage(p) for (who, stage), p in percentiles.items() if who not in states},
            counts={".".join(part for part in key if part): count for key, count in counts.items() if key[0] not in states},
            parts={name: PartHealth(state=p.state, reason=p.reason, since=_utc(p.since_wall_ns)) for name, p in parts},
            late=list(self._late()),
            outbox=self._waiting(),
            storage=storage,
            system=box,
            wear=self._worn.step(box.written_bytes, storage.shelves if storage else {}),
        )

    def _camera(
        self, name: str, state: CameraState, seconds: float, now_ns: int, percentiles: dict[tuple[str, str], Percentiles]
    ) -> CameraHealth:
        newest = self._tally.looked_at_ns(name)
        return CameraHealth(
            state=state.state,
            reason=state.reason,
            since=_utc(state.since_wall_ns),
            fps=self._rate(name, "analysed", seconds),
            fps_offered=self._rate(name, "offered", seconds),
            frame_age_s=None if newest is None else round(max(0.0, (now_ns - newest) / 1e9), 3),
            gate=state.gate,
            offered=self._tally.get(name, "offered"),
            analysed=self._tally.get(name, "analysed"),
            gated=self._tally.get(name, "gated"),
            dropped=self._reasons(name, "dropped"),
            recorded=self._tally.gauges().get((name, "recorded")),
            no_answer=self._reasons(name, "no_answer"),
            not_kept=self._reasons(name, "not_kept"),
            events=self._tally.get(name, "events"),
            reconnects=state.reconnects,
            codec=state.codec,
            width=state.width,
            height=state.height,
            stages={stage: _stage(p) for (who, stage), p in percentiles.items() if who == name},
        )

    def _reasons(self, camera: str, what: str) -> dict[str, int]:
        return {reason or what: n for (who, counted, reason), n in self._tally.counts().items() if (who, counted) == (camera, what)}

    def _rate(self, camera: str, what: str, seconds: float) -> float:
        count = self._tally.get(camera, what)
        before, self._before[camera, what] = self._before.get((camera, what), 0), count
        return round((count - before) / seconds, 2)

    def _waiting(self) -> OutboxHealth | None:
        return self._outbox.health() if self._outbox else None

    def _system(self, seconds: float, now_ns: int) -> SystemHealth:
        figures = system.figures(self._data)
        warmth = self._heat.look()
        used, self._cpu_ns = figures.cpu_ns - self._cpu_ns, figures.cpu_ns
        return SystemHealth(
            rss_bytes=figures.rss_bytes,
            cpu_percent=round(used / (seconds * 1e7), 1),
            disk_total_bytes=figures.disk_total_bytes,
            disk_free_bytes=figures.disk_free_bytes,
            written_bytes=figures.written_bytes,
            temperature_c=warmth.hottest_c,
            temperatures_c=warmth.temperatures_c,
            throttled=list(warmth.throttled),
            uptime_s=round((now_ns - self._began_ns) / 1e9, 1),
            clock=self._clock.state(),
        )


def _stage(p: Percentiles) -> StageHealth:
    return StageHealth(count=p.count, p50_ms=round(p.p50_ms, 3), p95_ms=round(p.p95_ms, 3), p99_ms=round(p.p99_ms, 3))


def _name(who: str, stage: str) -> str:
    return f"{who}.{stage}" if who else stage


def _utc(wall_ns: int) -> datetime | None:
    return utc_from_ns(wall_ns) if wall_ns else None
