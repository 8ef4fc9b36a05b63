"""Parts: what an attempt works with, and what each of its steps does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from contracts.update import UpdateState
from device.clock import Clock
from device.pipeline.channel import nothing
from device.pipeline.tally import Tally
from device.update.config_trial import Configuring
from device.update.floors import Floors
from device.update.identity import Identity
from device.update.ledger import Ledger
from device.update.metadata import Metadata
from device.update.orders import Orders, Work
from device.update.preflight import Box
from device.update.prover import Prover
from device.update.refusal import Refusal
from device.update.reports import Reports, Standing
from device.update.roads import Missing, Road
from device.update.slots import Slots
from device.update.state import State
from device.update.trust import Released

T = TypeVar("T")
EARLY = ("offered", "downloading")  # an assignment that expires in one of these is not begun


@dataclass(frozen=True)
class Parts:
    """What an attempt works with; built once, in device/following.py."""

    device: str
    backend: str
    incoming: Path
    reserve_bytes: int
    state: State
    floors: Floors
    ledger: Ledger
    orders: Orders
    slots: Slots
    metadata: Metadata
    prover: Prover
    identity: Identity
    reports: Reports
    clock: Clock
    tally: Tally
    box: Callable[[], Box]
    roads: Callable[[], Sequence[Road]]
    configuring: Configuring | None = None  # None: no configuration is taken
    hang_up: Callable[[], None] = nothing  # from any thread: whoever waits for a road is told that it broke off


def refreshed(parts: Parts, wanted: Callable[[Released], T]) -> T:
    """What is wanted of the verified targets, from the first road that has it. What is wrong with one road does not close the others."""
    flaws: list[Refusal] = []
    for road in parts.roads():
        try:
            released = parts.metadata.refresh(road)
            parts.orders.learn(released.assignment_keys())
            return wanted(released)
        except Missing as error:
            flaws.append(Refusal("E_FETCH", f"{road.name}: has no {error}; publish the repository there"))
        except Refusal as refused:
            flaws.append(refused)
    raise mildest(flaws)


def mildest(flaws: Sequence[Refusal]) -> Refusal:
    """An old stick ends nothing while the network is away: as long as one road may open, the box waits for it."""
    none = Refusal("E_FETCH", "no road leads to the repository; set update.url, or plug in a stick with it")
    return next((flaw for flaw in flaws if flaw.passing), flaws[0] if flaws else none)


def step(work: Work, state: UpdateState, parts: Parts) -> Work:
    if work.state == state:
        return work
    if parts.ledger.full(work.number):
        raise Refusal("E_CRASHLOOP", "the assignment went round too often without coming to its end; see the log, then assign anew")
    work = parts.orders.note(work, state)
    parts.reports.say(Standing(state, assignment=work.assignment))
    return work
