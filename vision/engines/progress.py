"""Progress: how far a compiler is, of which one knows only phases within phases; as one percentage that never falls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Told = Callable[[float], None]  # percent of an engine that is being built; from any thread


def unheard(_percent: float) -> None:
    """Nobody waits for it."""


@dataclass(slots=True)
class Phase:
    parent: str | None
    steps: int
    done: int = 0


class Progress:
    def __init__(self, told: Told) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._phases: dict[str, Phase] = {}  # that have begun and are not over
        self._most = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        with self._lock:
            self._phases[name] = Phase(parent, max(1, steps))
        self._say()

    def step(self, name: str, step: int) -> bool:
        """True: go on."""
        with self._lock:
            if phase := self._phases.get(name):
                phase.done = min(phase.steps, max(phase.done, step + 1))
        self._say()
        return True

    def finish(self, name: str) -> None:
        with self._lock:
            if phase := self._phases.get(name):
                phase.done = phase.steps
        self._say()
        with self._lock:
            self._phases.pop(name, None)

    def _say(self) -> None:
        with self._lock:
            roots = [name for name, phase in self._phases.items() if phase.parent not in self._phases]
            now = 100 * max((self._share(name) for name in roots), default=0.0)
            if now <= self._most:
                return
            self._most = now
        self._told(now)

    def _share(self, name: str) -> float:
        """Steps that are done, and of the one that is not what its own phase says."""
        phase = self._phases[name]
        within = max((self._share(each) for each, inner in self._phases.items() if inner.parent == name), default=0.0)
        return min(1.0, (phase.done + min(within, 0.999)) / phase.steps)


def monitor(trt: Any, told: Told) -> Any:
    """What TensorRT 10 and newer tell their progress to; None where it tells none."""
    if told is unheard or not hasattr(trt, "IProgressMonitor"):
        return None
    progress = Progress(told)

    def begin(it: Any) -> None:
        trt.IProgressMonitor.__init__(it)  # the native side refuses one whose own was not called

    def phase_start(_it: Any, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        progress.start(phase_name, parent_phase, num_steps)

    def step_complete(_it: Any, phase_name: str, step: int) -> bool:
        return progress.step(phase_name, step)

    def phase_finish(_it: Any, phase_name: str) -> None:
        progress.finish(phase_name)

    calls = {"__init__": begin, "phase_start": phase_start, "step_complete": step_complete, "phase_finish": phase_finish}
    return type("Monitor", (trt.IProgressMonitor,), calls)()
