"""Shadow: a new model looks at live frames beside the one that serves, on its own thread and at low duty; what they see is compared."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Protocol

import numpy as np

from device.clock import Clock
from device.pipeline.doubts import DISAGREEMENT, doubted
from device.pipeline.tally import Tally
from device.update.agreement import Agreement
from device.update.looks import Looks
from device.update.proof_options import ProofOptions
from device.update.prover import Told
from device.update.refusal import Refusal
from vision.types import Detections, Planes, Scene

NICE = 15  # our thread, where that is allowed: what sees comes first
ROUND_S = 0.5
STUCK_S = 30.0  # one look that takes longer has no end
JOIN_S = 5.0
FAILURES = 3  # looks without an answer


class Candidate(Protocol):
    """The new model."""

    @property
    def labels(self) -> Sequence[str]: ...
    def detect(self, planes: Planes) -> Detections: ...


class Shadow:
    """`doubt` gets the scenes on which the two differ, marked, for a person to look at."""

    def __init__(
        self, looks: Looks, options: ProofOptions, clock: Clock, tally: Tally, doubt: Callable[[Scene], None], wanted: Collection[str] = ()
    ) -> None:
        self._looks, self._options, self._clock, self._tally, self._doubt = looks, options, clock, tally, doubt
        self.stuck = False  # the last candidate still has the thread
        self._wanted = frozenset(wanted)  # labels; none: all

    def run(self, candidate: Candidate, told: Told) -> Agreement:
        """The report; Refusal when they do not agree, or the new one fails or stands still."""
        watched = _Watched(self, candidate)
        watched.thread.start()
        try:
            self._follow(watched, told)
        finally:
            watched.stop.set()
            watched.thread.join(JOIN_S)
            self.stuck = watched.thread.is_alive()
        if self.stuck:
            raise Refusal("E_SHADOW", f"the new model keeps one frame for more than {JOIN_S:g} s; keep the old one")
        report = watched.report
        if report.frames == 0:
            raise Refusal("E_SHADOW", "no live frame came to compare the models on; look at the cameras, then assign anew")
        if report.share < self._options.agreement:
            words = f"{report.words()}; at least {self._options.agreement:g} is wanted (agreement): look at the disagreements"
            raise Refusal("E_SHADOW", words)
        return report

    def _follow(self, watched: _Watched, told: Told) -> None:
        options, begun = self._options, self._clock.mono_ns()
        told("shadow", 0.0, "", options.shadow_s)
        while True:
            watched.stop.wait(ROUND_S)
            passed = (self._clock.mono_ns() - begun) / 1e9
            if (self._clock.mono_ns() - watched.since_ns) / 1e9 > STUCK_S:
                raise Refusal("E_SHADOW", f"the new model gave no answer for {STUCK_S:g} s; keep the old one")
            if watched.failure:
                raise Refusal("E_SHADOW", watched.failure)
            frames = watched.report.frames
            if passed >= options.shadow_s and (frames >= options.shadow_frames or passed >= options.shadow_s + options.shadow_wait_s):
                return
            done = min(passed / max(options.shadow_s, 1e-9), frames / options.shadow_frames, 1.0)
            told("shadow", 100 * done, f"{frames} frames compared", max(0.0, options.shadow_s - passed))

    def compare(self, scene: Scene, candidate: Candidate, report: Agreement) -> str:
        """One frame; what went wrong, or nothing."""
        found = candidate.detect(scene.frame.planes)
        if found.status != "ok":
            return f"no answer to a frame of {scene.frame.camera}: {getattr(candidate, 'reason', '') or found.status}"
        known = frozenset(scene.labels) & frozenset(candidate.labels)
        known = known & self._wanted if self._wanted else known
        old, new = _only(scene.detections, scene.labels, known), _only(found, candidate.labels, known)
        same = report.compare(old, scene.labels, new, candidate.labels)
        self._tally.count(scene.frame.camera, "compared", "same" if same else DISAGREEMENT)
        if not same and report.differing <= self._options.disagreements:
            self._doubt(doubted(scene, DISAGREEMENT))
        return ""

    def watch(self, watched: _Watched) -> None:
        """The thread: a look, then a rest that is so much longer."""
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        failures = 0
        while not watched.stop.is_set() and not watched.failure:
            watched.since_ns = self._clock.mono_ns()
            scene = self._looks.next(ROUND_S)
            if scene is None:
                continue
            begun = watched.since_ns = self._clock.mono_ns()
            try:
                words = self.compare(scene, watched.candidate, watched.report)
            except Exception as error:  # noqa: BLE001 - a seam: a model that is not trusted yet raises what it likes
                words = f"{type(error).__name__}: {error}"
            failures = failures + 1 if words else 0
            watched.failure = words if failures >= FAILURES else ""
            took_s = (self._clock.mono_ns() - begun) / 1e9
            watched.since_ns = self._clock.mono_ns() + int(took_s * 1e9 / self._options.shadow_share)
            watched.stop.wait(took_s * (1 / self._options.shadow_share - 1))


class _Watched:
    """What the thread and the one who waits for it share."""

    def __init__(self, shadow: Shadow, candidate: Candidate) -> None:
        self.candidate = candidate
        self.report = Agreement(shadow._options.iou)
        self.failure = ""
        self.since_ns = shadow._clock.mono_ns()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=shadow.watch, args=(self,), name="shadow", daemon=True)


def _only(found: Detections, labels: Sequence[str], known: Collection[str]) -> Detections:
    return found.pick(np.array([labels[class_id] in known for class_id in found.class_id], bool))
