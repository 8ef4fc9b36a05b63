"""Pulse: says that a job lives and how far it is, and hears whether it is to end."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from contracts.errors import StorageError
from trainer.clock import Clock
from trainer.jobs.job import Job
from trainer.jobs.queue import LEASE_US, Jobs, LeaseLost

log = logging.getLogger(__name__)
BEAT_S = 0.5


class Pulse:
    """A Told. `lost` is set when the job is somebody else's by now: nothing more may be written of it."""

    def __init__(self, jobs: Jobs, job: Job, clock: Clock, stop: threading.Event) -> None:
        self._jobs, self._job, self._clock, self._stop = jobs, job, clock, stop
        self._lock = threading.Lock()
        self._done, self._said = job.progress, job.said
        self._cancel, self._over = threading.Event(), threading.Event()
        self.lost, self.told_to_stop = threading.Event(), False
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def progress(self, done: float, said: str) -> None:
        with self._lock:
            self._done, self._said = (done if done == done else 0.0), said  # noqa: PLR0124  not a number is no progress

    def stopped(self) -> bool:
        if self._cancel.is_set() or self._stop.is_set() or self.lost.is_set():
            self.told_to_stop = True
        return self.told_to_stop

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def _beat(self) -> None:
        heard_ns = self._clock.mono_ns()
        while not self._over.wait(BEAT_S):
            with self._lock:
                done, said = self._done, self._said
            try:
                if self._jobs.beat(self._job.id, self._job.owner, done, said):
                    self._cancel.set()
                heard_ns = self._clock.mono_ns()
            except LeaseLost:
                self.lost.set()
                return
            except StorageError as error:
                log.warning("job %s: %s", self._job.id, error)
                if self._clock.mono_ns() - heard_ns > LEASE_US * 1000:
                    self.lost.set()
                    return

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
