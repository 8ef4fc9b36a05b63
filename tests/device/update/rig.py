"""A stage that looks, fed with live pictures from a thread, and the real proof around it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.update import Mode, UpdateState
from device.clock import SystemClock
from device.config import Model, Settings
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from device.proving import Seeing, prover
from device.stages.detect import Detect
from device.update.boots import Boots
from device.update.marking import Marking
from device.update.options import Options
from device.update.proof import Proof
from device.update.proof_options import ProofOptions
from device.update.prover import Verdict
from device.update.slots import Slots
from tests.device.stages.world import context
from tests.device.update.bad_models import LIVE
from tests.device.update.box import bundle
from tests.vision.bundles import scene
from vision.bundle import StoredBundle
from vision.detector import open_detector
from vision.planes import BgrPlanes
from vision.types import Detections, Frame, Planes, Scene

QUICK: dict[str, Any] = {
    "looks": 20, "p95_ms": 2000, "shadow_s": 0.3, "shadow_frames": 5, "shadow_wait_s": 20, "shadow_share": 1.0, "trial_s": 1.0,
    "trial_frames": 40, "growth_mb": 500,
}  # fmt: skip


@dataclass
class Rig:
    stage: Detect
    proof: Proof
    boots: Boots
    slots: Slots
    old: StoredBundle
    marking: Marking
    tally: Tally
    learned: Callable[[], int]  # frames of what is normal
    serving: list[str] = field(default_factory=list)  # each change of the model
    said: list[str] = field(default_factory=list)  # states
    answers: list[Scene] = field(default_factory=list)
    offered: int = 0

    def told(self, state: UpdateState, percent: float | None = None, words: str = "", left_s: float | None = None) -> None:
        if not self.said or self.said[-1] != state:
            self.said.append(state)

    def prove(self, new: StoredBundle, mode: Mode = "live") -> Verdict:
        return self.proof.prove(new, self.told, mode)

    @property
    def serves(self) -> str:
        return self.stage.detector.digest

    def models(self) -> list[str]:
        """That answered, in the order of frames, each run once."""
        digests = [answer.model or "" for answer in self.answers]
        return [digest for number, digest in enumerate(digests) if number == 0 or digests[number - 1] != digest]

    def statuses(self) -> Counter[str]:
        return Counter(answer.detections.status for answer in self.answers)


def live_scene(number: int, clock: SystemClock, shown: Sequence[Planes] = ()) -> Scene:
    if shown:
        return Scene(Frame("left", number, number, clock.mono_ns(), clock.wall_ns(), shown[number % len(shown)]), Detections.none())
    x = 5 + number * 3 % 50
    picture = scene(96, 64, (x, 10, x + 30, 40), LIVE)
    return Scene(Frame("left", number, number, clock.mono_ns(), clock.wall_ns(), BgrPlanes(picture)), Detections.none())


def feed(rig: Rig, stop: threading.Event, clock: SystemClock, pause_s: float, shown: Sequence[Planes]) -> None:
    while not stop.wait(pause_s):
        future = rig.stage.submit(live_scene(rig.offered, clock, shown))
        rig.offered += 1
        rig.answers.append(future.result(30))


@contextmanager
def a_rig(
    folder: Path, *, normal: int = 60, pause_s: float = 0.005, timeout_ms: int = 5000, factory: StoredBundle | None = None,
    shown: Sequence[Planes] = (), **said: Any,
) -> Iterator[Rig]:  # fmt: skip
    """Runs until what is normal here was learned of `normal` frames; `shown`: what the camera sees; `said`: options of the proof."""
    clock, tally = SystemClock(), Tally()
    old = factory or bundle(folder / "old.vdb", "1.0.0")
    about = context(detector=lambda name, least: open_detector(old), clock=clock, workers=2)
    stage = Detect(Detect.Options(bundle="white-box", timeout_ms=timeout_ms), about)
    settings = Settings(data=folder / "data", model=Model(trial_s=60))
    slots, boots, crew, marking = Slots(folder / "data" / "models"), Boots(folder / "data"), Crew(clock), Marking()
    slots.adopt(old)
    options = Options(trust=folder, prove=ProofOptions(**{**QUICK, **said}))
    serving: list[str] = []
    seeing = Seeing(stage, serving.append, lambda: crew.crash is not None)
    proof = prover(settings, options, seeing, slots, boots, marking, crew, clock=clock, tally=tally)
    assert proof._live is not None
    learning = proof._live.trial._learning
    rig = Rig(stage, proof, boots, slots, old, marking, tally, lambda: learning.baseline.near(1).answered, serving)
    stop = threading.Event()
    feeder = threading.Thread(target=feed, args=(rig, stop, clock, pause_s, shown), daemon=True)
    crew.start()
    feeder.start()
    try:
        waiting = threading.Event()
        for _ in range(600):
            if rig.learned() >= normal:
                break
            waiting.wait(0.05)
        assert rig.learned() >= normal
        yield rig
    finally:
        stop.set()
        feeder.join(40)
        crew.stop()
        stage.close()
