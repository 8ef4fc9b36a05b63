"""Trial: a new model serves while the guard looks on, and is taken back at the first thing that is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from contracts.update import UpdateCode
from device.clock import Clock
from device.pipeline.context import Detector
from device.update.guard import Flow, Shown, flaw
from device.update.learning import Learning
from device.update.proof_options import ProofOptions
from device.update.prover import Told
from device.update.refusal import Refusal
from device.update.seen import Seen
from device.update.switch import Switch

ROUND_S = 0.2
SAY_NS = 1_000_000_000


class Trial:
    """`flow`: frames analysed and dropped so far; `resident_mb`: this process's memory."""

    def __init__(
        self, switch: Switch, learning: Learning, options: ProofOptions, clock: Clock, flow: Callable[[], Flow],
        resident_mb: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._switch, self._learning, self._options, self._clock, self._flow = switch, learning, options, clock, flow
        self._resident_mb = resident_mb or resident

    def run(self, candidate: Detector, told: Told) -> Seen:
        """What it showed; it serves on, and the old one is closed. Refusal: the old one serves again."""
        told("trial", 0.0, "", self._options.trial_s)
        before = self._flow()
        old = self._switch.to(candidate)
        self._learning.begin(candidate.digest)
        try:
            baseline = self._learning.baseline
            normal = baseline.near(self._options.trial_frames) if baseline.digest == old.digest else Seen()
            seen = self._watch(before, normal, told, candidate)
        except BaseException:
            self._back(old, candidate)
            raise
        self._learning.end(candidate.digest)
        self._switch.let_go(old)
        return seen

    def _back(self, old: Detector, candidate: Detector) -> None:
        self._switch.to(old)
        self._switch.let_go(candidate)
        self._learning.end()

    def _watch(self, before: Flow, normal: Seen, told: Told, candidate: Detector) -> Seen:
        options, begun_ns, said_ns = self._options, self._clock.mono_ns(), 0
        begun_mb, rest = 0.0, threading.Event()
        while True:
            rest.wait(ROUND_S)
            seen, passed = self._learning.shown(), (self._clock.mono_ns() - begun_ns) / 1e9
            if not begun_mb and seen.frames >= min(10, options.trial_frames):
                begun_mb = self._resident_mb()  # first looks take what they keep
            grown = self._resident_mb() - begun_mb if begun_mb else 0.0
            found = flaw(Shown(seen, normal, self._flow().since(before), before, grown), options)
            if not found and self._switch.model is not candidate:
                found = "E_QUALITY", f"no answer to frame after frame, {seen.unanswered} in all"
            if found:
                raise Refusal(cast(UpdateCode, found[0]), f"taken back after {passed:.0f} s: {found[1]}")
            late = passed >= options.trial_s + options.shadow_wait_s
            if passed >= options.trial_s and (seen.frames >= options.trial_frames or late):
                return seen
            if self._clock.mono_ns() - said_ns >= SAY_NS:
                said_ns = self._clock.mono_ns()
                share = min(1.0, passed / max(options.trial_s, 1e-9))
                told("trial", 100 * share, f"{seen.frames} frames", max(0.0, options.trial_s - passed))


def resident() -> float:
    """MiB of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)
