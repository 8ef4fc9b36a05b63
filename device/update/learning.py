"""Learning: adds up what the detector sees: to what is normal here, or to what a model on trial shows."""

from __future__ import annotations

import logging
import threading

from contracts.errors import StorageError
from device.clock import Clock
from device.pipeline.protocols import Tick
from device.update.baseline import Baseline
from device.update.looks import Looks
from device.update.seen import Seen

log = logging.getLogger(__name__)
ROUND_S = 1.0
SAVE_NS = 300 * 1_000_000_000


class Learning:
    """`run` is a worker. Only what the last good model sees is normal; of one that is tried it is kept apart."""

    def __init__(self, looks: Looks, baseline: Baseline, good: str, clock: Clock) -> None:
        self._looks, self._clock = looks, clock
        self.baseline = baseline
        self._good, self._tried, self._shown = good, "", Seen()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def begin(self, digest: str) -> None:
        """A trial: what was seen before counts before."""
        self.step()
        with self._lock:
            self._tried, self._shown = digest, Seen()

    def shown(self) -> Seen:
        """In the trial so far."""
        self.step()
        with self._lock:
            copy = Seen()
            copy.merge(self._shown)
            return copy

    def end(self, good: str | None = None) -> None:
        """`good`: the model that is normal from now on."""
        self.step()
        with self._lock:
            if good is not None:
                self._good = good
                self.baseline.add(good, self._shown)
            self._tried, self._shown = "", Seen()

    def step(self) -> None:
        with self._lock:
            for digest, seen in self._looks.take().items():
                if digest == self._tried:
                    self._shown.merge(seen)
                elif digest == self._good:
                    self.baseline.add(digest, seen)

    def run(self, tick: Tick) -> None:
        saved_ns = self._clock.mono_ns()
        while not self._stopping.wait(ROUND_S):
            tick()
            self.step()
            if self._clock.mono_ns() - saved_ns >= SAVE_NS:
                saved_ns = self._clock.mono_ns()
                self._save()
        self.step()
        self._save()

    def close(self) -> None:
        self._stopping.set()

    def _save(self) -> None:
        try:
            self.baseline.save()
        except StorageError as error:
            log.warning("what is normal here is not kept: %s", error)
