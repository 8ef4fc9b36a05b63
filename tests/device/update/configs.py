"""A box that takes configurations, one life after another: a restart is the end of a `with`, and the next begins with what is linked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device.update import config_trial
from device.update.config_options import ConfigOptions
from device.update.config_slots import Revisions
from device.update.config_starts import Starts
from device.update.config_trial import Configuring
from device.update.vitals import Vitals
from tests.device.update.box import HandClock, TestBox, Trusting, a_box
from vision.bundle import StoredBundle

WELL = Vitals(online={"yard": True}, looked_at={"yard": 10}, parts={"mqtt": "ok"})


class Running(HandClock):
    """Half a second passes whenever it is asked."""

    def mono_ns(self) -> int:
        self.mono += 500_000_000
        return self.mono


@dataclass
class Seen:
    """How the box is at each look; frames are looked at as time goes."""

    with_old: Vitals = WELL
    with_new: Vitals = WELL
    looks: int = 0

    def at(self, revision: str | None, old: str | None) -> Vitals:
        self.looks += 1
        now = self.with_old if revision == old else self.with_new
        return now.model_copy(update={"looked_at": {name: n + self.looks * bool(n) for name, n in now.looked_at.items()}})


@dataclass
class World:
    """What stays from life to life."""

    data: Path
    repository: Trusting
    factory: StoredBundle | None
    url: str
    check: Callable[[Path], str] = lambda _path: ""
    seen: Seen = field(default_factory=Seen)
    old: str | None = None  # the revision with which the box is as in `with_old`
    set_aside: Callable[[str | None], str] = lambda _digest: ""
    cameras: frozenset[str] = frozenset({"yard"})
    restarts: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def revisions(self) -> Revisions:
        return Revisions(self.data)

    @property
    def links(self) -> tuple[str | None, str | None, str | None]:
        return tuple(self.revisions.linked(name) for name in ("current", "good", "previous"))  # type: ignore[return-value]


@contextmanager
def a_life(world: World, *, guarded: bool = True) -> Iterator[TestBox]:
    """From its start, as systemd does it, to its end."""
    config_trial.ROUND_S = 0.001  # time passes by being asked for
    if guarded:
        Starts(world.data).begin()
    linked = world.revisions.linked("current")
    aside = world.set_aside(linked)
    running = world.revisions.linked("good") if aside else linked

    def restart() -> None:
        world.restarts += 1

    clock = Running()
    configuring = Configuring(
        revisions=world.revisions, starts=Starts(world.data), check=lambda path: world.check(path), running=running, set_aside=aside,
        cameras=world.cameras, vitals=lambda: world.seen.at(running, world.old), restart=restart,
        options=ConfigOptions(trial_s=5, wait_s=10), clock=clock,
    )  # fmt: skip
    with a_box(world.data, world.repository, world.factory, world.url, clock=clock, configuring=configuring, **world.more) as box:
        yield box


def lived(world: World, raw: bytes | None = None, most: int = 6) -> tuple[TestBox, list[str]]:
    """Life after life until nobody wants a restart; the last, and every state that was reached."""
    for _ in range(most):
        before = world.restarts
        with a_life(world) as box:
            if raw is not None:
                box.told(raw)
            raw = None
            for _ in range(4):
                if world.restarts == before:
                    box.go()
            states = box.states
        if world.restarts == before:
            return box, states
    raise AssertionError(f"it restarts for ever: {states}")
