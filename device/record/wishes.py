"""Wishes: what is to be recorded although no event says so, camera by camera: continuously, by schedule, or by command, until its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from contracts.clip import Why
from contracts.errors import ConfigError
from device.clock import Clock
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.record.demand import Demand, seed_of
from device.record.standing import Standing, Want
from device.record.when import CommandTrigger

STEP_NS = 500_000_000  # how often the hours are looked at


@dataclass(frozen=True, slots=True)
class Begin:
    camera: str
    demand: Demand


@dataclass(frozen=True, slots=True)
class End:
    """Media time at which it was to end, and why."""

    camera: str
    demand: Demand
    pts_ns: int
    why: Why


@dataclass(slots=True)
class _Stand:
    want: Want
    demand: Demand
    asked_mono_ns: int
    ended: bool = False  # it has been said when it ends
    kept_ns: int = 0  # by recordings that are over
    before_ns: int = 0  # what its recording had kept before it


@dataclass(slots=True)
class _Order:
    group: UUID
    demands: dict[str, Demand]
    deadline_mono_ns: int


class Wishes:
    """Owned by the recorder's thread. `step` says what begins and ends now; a camera without a picture yet begins with its first."""

    def __init__(
        self, rings: Mapping[str, PacketRing], standing: Standing, command: CommandTrigger | None, *, clock: Clock, tally: Tally
    ) -> None:
        self._longest_s = command.longest_s if command else 0
        self._rings, self._standing, self._clock, self._tally = rings, standing, clock, tally
        self._stands: dict[str, _Stand] = {}
        self._orders: dict[UUID, _Order] = {}
        self._due_ns = 0

    def step(self) -> list[Begin | End]:
        now = self._clock.mono_ns()
        if now < self._due_ns or not (self._orders or self._standing.any):
            return []
        self._due_ns = now + STEP_NS
        wall = self._clock.wall_ns()
        changes = [change for camera in self._rings for change in self._stand(camera, wall, now)]
        late = [order.group for order in self._orders.values() if now >= order.deadline_mono_ns]
        return [*changes, *(end for group in late for end in self.stop(group, why="time limit"))]

    def _stand(self, camera: str, wall_ns: int, mono_ns: int) -> list[Begin | End]:
        newest = self._rings[camera].newest()
        if newest is None:
            return []
        changes: list[Begin | End] = []
        stand, want = self._stands.get(camera), self._standing.want(camera, wall_ns)
        over = stand is not None and (want is None or want.group != stand.want.group)
        if stand and (over or _ends_soon(want, wall_ns)) and not stand.ended:
            stand.ended = True
            until_ns = want.until_ns if want and not over else stand.want.until_ns
            changes.append(End(camera, stand.demand, newest.pts_ns if until_ns is None else at_wall(newest, until_ns), _why(stand.want)))
        if over:
            del self._stands[camera]
        if want and camera not in self._stands:
            demand = self._demand(camera, want, newest)
            waited_ns = 0 if want.trigger == "schedule" else wall_ns - want.since_ns
            self._stands[camera] = _Stand(want, demand, mono_ns - max(0, waited_ns))
            changes.append(Begin(camera, demand))
        return changes

    def _demand(self, camera: str, want: Want, newest: Packet) -> Demand:
        """From its hour on, as far as the ring reaches back: a box that was started later begins with what it has."""
        key = self._rings[camera].oldest() or newest
        start = max(key.pts_ns, at_wall(newest, want.since_ns)) if want.trigger == "schedule" else key.pts_ns
        seed = seed_of(want.group, camera, newest.wall_ns)
        return Demand(uuid4(), want.trigger, want.group, seed, start, newest.pts_ns)

    def start(self, cameras: Sequence[str], max_s: float | None, note: str) -> tuple[UUID, list[Begin]]:
        """By command; ConfigError names what cannot be recorded."""
        if not self._longest_s:
            raise ConfigError("record: this box records nothing by command; record.when.command allows it")
        group, begins = uuid4(), []
        for camera in cameras:
            ring = self._rings.get(camera)
            newest = ring.newest() if ring else None
            if newest is None:
                known = ", ".join(sorted(self._rings))
                raise ConfigError(f"camera {camera}: " + ("gives no pictures now" if ring else f"is not known; known are {known}"))
            seed = seed_of(group, camera, newest.wall_ns)
            begins.append(Begin(camera, Demand(uuid4(), "command", group, seed, newest.pts_ns, newest.pts_ns, note=note)))
        deadline = self._clock.mono_ns() + int(min(max_s or self._longest_s, self._longest_s) * 1e9)
        self._orders[group] = _Order(group, {begin.camera: begin.demand for begin in begins}, deadline)
        return group, begins

    def stop(self, group: UUID, why: Why = "command") -> list[End]:
        order = self._orders.pop(group, None)
        return [] if order is None else [End(camera, demand, self._now_at(camera), why) for camera, demand in order.demands.items()]

    def _now_at(self, camera: str) -> int:
        newest = self._rings[camera].newest()
        return newest.pts_ns + newest.duration_ns if newest else 0

    def running(self, cameras: Sequence[str] = ()) -> list[UUID]:
        """Groups begun by command that record any of these, or at all."""
        return [order.group for order in self._orders.values() if not cameras or not set(cameras).isdisjoint(order.demands)]

    def of(self, camera: str) -> list[Demand]:
        """What is wished of a camera now, told anew as from its newest picture: to go on after a failure."""
        newest = self._rings[camera].newest()
        stand = self._stands.get(camera)
        found = [stand.demand] if stand and not stand.ended else []
        found += [order.demands[camera] for order in self._orders.values() if camera in order.demands]
        if newest is None:
            return []
        return [replace(each, seed=seed_of(each.group, camera, newest.wall_ns), start_pts_ns=newest.pts_ns) for each in found]

    def kept(self, camera: str, kept_ns: int, over: bool = False) -> None:
        """How much its recording has kept by now: the share of what it should have is a gauge."""
        stand = self._stands.get(camera)
        if stand is None:
            return
        asked_ns = self._clock.mono_ns() - stand.asked_mono_ns
        share = (stand.kept_ns + kept_ns - stand.before_ns) / asked_ns if asked_ns > 0 else 1.0
        self._tally.gauge(camera, "recorded", min(1.0, max(0.0, share)))
        if over:
            stand.kept_ns, stand.before_ns = stand.kept_ns + kept_ns - stand.before_ns, 0

    def joined(self, camera: str, kept_ns: int) -> None:
        """It joined a recording that had kept so much already."""
        if camera in self._stands:
            self._stands[camera].before_ns = kept_ns


def at_wall(packet: Packet, wall_ns: int) -> int:
    """A camera's media time at an instant, by one of its packets."""
    return packet.pts_ns + wall_ns - packet.wall_ns


def _ends_soon(want: Want | None, wall_ns: int) -> bool:
    """Before the hours are looked at again: said in time the end is exact to the picture."""
    return want is not None and want.until_ns is not None and want.until_ns - wall_ns <= 2 * STEP_NS


def _why(want: Want) -> Why:
    return "end of schedule" if want.trigger == "schedule" else "stopped"
