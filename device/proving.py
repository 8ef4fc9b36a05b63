"""Proving: builds what a pushed model must pass on this box, around the stage that looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from contracts.errors import BundleError
from device.bundles import opener
from device.clock import Clock
from device.config import Settings
from device.pipeline.context import Detector
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from device.stages.detect import Detect
from device.tried import Tried, key_of, limits
from device.update.baseline import Baseline
from device.update.boots import Boots
from device.update.building import Building
from device.update.guard import Flow
from device.update.learning import Learning
from device.update.looks import Looks
from device.update.marking import Marking
from device.update.options import Options
from device.update.proof import Live, Proof
from device.update.selftest import SelfTest
from device.update.shadow import Shadow
from device.update.slots import Slots
from device.update.switch import Switch
from device.update.trial import Trial
from vision.bundle import StoredBundle


class Seeing(NamedTuple):
    """What of the appliance a new model is put into."""

    stage: object  # that looks; only Detect can change its model while it runs
    changed: Callable[[str], None]  # the digest that serves from now on
    died: Callable[[], bool]  # whether the box ends by a crash


def prover(
    settings: Settings, options: Options, seeing: Seeing | None, slots: Slots, boots: Boots, marking: Marking, crew: Crew, *,
    clock: Clock, tally: Tally,
) -> Proof:  # fmt: skip
    """With a worker that learns what is normal here, where there is a stage to look at."""
    model, work = settings.model, settings.data / "engines"
    building = Building(model.engine, work, options.prove, model.options)
    test = SelfTest(model.engine, limits(settings), work, options.prove, lambda: _old(slots), model.options)
    if seeing is None or not isinstance(seeing.stage, Detect):
        return Proof(building, test, boots, options.prove, None)
    stage, looks = seeing.stage, Looks(tally)
    learning = Learning(looks, Baseline(settings.data / "update" / "baseline.json", clock), stage.detector.digest, clock)
    stage.watch(looks)
    crew.add("baseline", learning.run, deadline_s=60)
    crew.on_stop(learning.close)
    switch = Switch(stage, seeing.changed)
    live = Live(
        lambda bundle: _opened(bundle, settings, stage.min_confidence), switch,
        Shadow(looks, options.prove, clock, tally, marking.differed, stage.classes),
        Trial(switch, learning, options.prove, clock, lambda: _flow(tally)),
    )  # fmt: skip
    return Proof(building, test, boots, options.prove, live, seeing.died)


def _opened(bundle: StoredBundle, settings: Settings, min_confidence: float | None) -> Detector:
    """As the stage has its own opened. The self-test was its trial: it is not tried once more, now or at the next start."""
    Tried(settings.data).add(key_of(bundle, settings.model))
    return opener(settings)(str(bundle.path), min_confidence)


def _old(slots: Slots) -> StoredBundle | None:
    digest = slots.linked("current")
    try:
        return slots.open(digest) if digest else None
    except BundleError:
        return None  # it was spoilt on the disk: the new one is not measured by it


def _flow(tally: Tally) -> Flow:
    counts = tally.counts()
    analysed, dropped = (sum(n for (_, what, _), n in counts.items() if what == name) for name in ("analysed", "dropped"))
    return Flow(analysed, dropped)
