"""The thread on which a new model looks beside the old one: one that does not come back is not content."""

from __future__ import annotations

import threading

import pytest

from contracts.update import UpdateState
from device.clock import SystemClock
from device.pipeline.tally import Tally
from device.update import shadow
from device.update.looks import Looks
from device.update.proof_options import ProofOptions
from device.update.refusal import Refusal
from device.update.shadow import Shadow
from tests.device.update.rig import live_scene
from vision.types import Detections, Planes


class Leaden:
    """Its second look never ends by itself."""

    labels = ("box",)

    def __init__(self) -> None:
        self.looks, self.go = 0, threading.Event()

    def detect(self, planes: Planes) -> Detections:
        self.looks += 1
        if self.looks > 1:
            self.go.wait(30)
        return Detections.none()


def test_a_model_that_is_still_looking_when_its_time_is_over_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "JOIN_S", 0.05)
    monkeypatch.setattr(shadow, "ROUND_S", 0.02)
    clock, tally, model = SystemClock(), Tally(), Leaden()
    looks = Looks(tally)
    options = ProofOptions(shadow_s=0.1, shadow_frames=1, shadow_share=1.0)
    beside = Shadow(looks, options, clock, tally, lambda _: None)

    def told(state: UpdateState, percent: float | None = None, words: str = "", left_s: float | None = None) -> None:
        looks(live_scene(1, clock), 1_000_000)

    try:
        with pytest.raises(Refusal, match="keeps one frame") as refused:
            beside.run(model, told)
        assert (refused.value.code, beside.stuck, model.looks) == ("E_SHADOW", True, 2)
    finally:
        model.go.set()
