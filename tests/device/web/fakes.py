"""A history in memory, and the words of a health report: what the page's tests put behind a desk."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from contracts.event import Event, Life, event_id
from contracts.health import CameraHealth, Health, OutboxHealth, PartHealth, StageHealth, SystemHealth
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from tests.device.web.footage import FIGURES, HEIGHT, WIDTH

MODEL = "sha256:" + sha256(b"demo").hexdigest()
ZONES = {
    "pavement": [(0.05, 0.62), (0.62, 0.62), (0.62, 0.98), (0.05, 0.98)],
    "door": [(0.72, 0.4), (0.95, 0.4), (0.95, 0.92), (0.72, 0.92)],
}


@dataclass(frozen=True)
class Past:
    number: int
    event: Event


@dataclass
class Memory:
    """A history in memory, of the same protocol as the journal's."""

    kept: dict[UUID, Past] = field(default_factory=dict)

    def keep(self, event: Event) -> None:
        old = self.kept.get(event.id)
        self.kept[event.id] = Past(old.number if old else len(self.kept) + 1, event)

    def recent(
        self, limit: int = 50, before: int | None = None, *, camera: str | None = None, label: str | None = None, kind: str | None = None
    ) -> Sequence[Past]:
        def fits(past: Past) -> bool:
            wanted = (camera, past.event.camera), (label, past.event.label), (kind, past.event.kind)
            return (before is None or past.number < before) and all(w is None or w == has for w, has in wanted)

        return [past for past in sorted(self.kept.values(), key=lambda p: -p.number) if fits(past)][:limit]

    def find(self, event_id: UUID) -> Event | None:
        past = self.kept.get(event_id)
        return past.event if past else None


@dataclass(frozen=True)
class Message:
    seq: int
    camera: str
    kind: str
    label: str | None
    body: str


@dataclass(frozen=True)
class Held:
    id: str
    event: Event


class Told:
    """Messages in memory, of the same protocol as the journal's."""

    def __init__(self, kept: int = 10_000) -> None:
        self._lock, self._kept, self._wakes = threading.Lock(), deque[Message](maxlen=kept), list[Callable[[], None]]()
        self.last_seq = 0

    def put(self, event: Event) -> None:
        with self._lock:
            self.last_seq += 1
            self._kept.append(Message(self.last_seq, event.camera, event.kind, event.label, event.model_dump_json()))
            wakes = list(self._wakes)
        for wake in wakes:
            wake()

    def first_kept(self) -> int:
        with self._lock:
            return self._kept[0].seq if self._kept else self.last_seq + 1

    def since(self, after: int, limit: int) -> Sequence[Message]:
        with self._lock:
            return [message for message in self._kept if message.seq > after][:limit]

    def unsaved(self) -> Sequence[Held]:
        return []

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        with self._lock:
            self._wakes.append(wake)
        return lambda: self._wakes.remove(wake)


def health_of(board: Board, tally: Tally, clock: Clock) -> Health:
    """What the reporter would say of a box that is well."""
    stages = {key: StageHealth(count=p.count, p50_ms=p.p50_ms, p95_ms=p.p95_ms, p99_ms=p.p99_ms) for key, p in tally.percentiles().items()}
    cameras = {
        name: CameraHealth(
            state=c.state,
            fps=8.3,
            fps_offered=8.3,
            frame_age_s=0.1,
            gate=c.gate,
            offered=tally.get(name, "offered"),
            analysed=tally.get(name, "analysed"),
            gated=0,
            dropped={},
            stages={stage: value for (camera, stage), value in stages.items() if camera == name},
        )
        for name, c in board.cameras().items()
    }
    system = SystemHealth(
        rss_bytes=231_000_000,
        cpu_percent=43.0,
        disk_total_bytes=64_000_000_000,
        disk_free_bytes=41_300_000_000,
        written_bytes=12_000_000,
        temperature_c=51.5,
        uptime_s=3 * 86400 + 7300,
        clock=clock.state(),
    )
    parts = {name: PartHealth(state=p.state, reason=p.reason) for name, p in board.parts().items()}
    outbox = OutboxHealth(depth=0, bytes=0, oldest_age_s=None, unsaved=0, shed=0, shed_to_seq=0, last_seq=91)
    return Health(fps=8.3, cameras=cameras, parts=parts, system=system, outbox=outbox)


def event_at(camera: str, number: int, wall_ns: int, life: Life = "end", label: str = "person", seconds: float = 6.4) -> Event:
    """The number-th event of a camera, as the stages would tell it."""
    figure = FIGURES[number % 2]
    key = event_id(camera, "object", number)
    start = utc_from_ns(wall_ns)
    return Event(
        id=key,
        life=life,
        kind="object",
        camera=camera,
        label=label,
        confidence=0.62 + 0.35 * ((number * 37) % 10) / 10,
        start=start,
        t=start + timedelta(seconds=seconds),
        end=start + timedelta(seconds=seconds) if life == "end" else None,
        start_pts_ns=number * 1_000_000_000,
        pts_ns=number * 1_000_000_000 + int(seconds * 1e9),
        track=figure.track,
        box=figure.box(number * 20),
        frame_size=(WIDTH, HEIGHT),
        entered=["pavement"] if number % 3 else ["pavement", "door"],
        model=MODEL,
        snapshot=f"events/{start:%Y-%m-%d}/{key}.jpg",
    )
