"""Worker: takes one job after the other and has each done by a process of its own, which may crash, hang, or eat all memory."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import StorageError
from trainer.clock import Clock
from trainer.jobs.job import Job
from trainer.jobs.owners import living, owner_of
from trainer.jobs.queue import Jobs, LeaseLost

log = logging.getLogger(__name__)
EVERY_S = 0.5
GRACE_S = 30.0  # a job that was asked to end has so long
STORE = "VEDETTE_STORE"


class Worker:
    """`run` from one thread: processes it starts die with that thread."""

    def __init__(self, jobs: Jobs, home: Path, store: str, clock: Clock, *, grace_s: float = GRACE_S) -> None:
        self._jobs, self._home, self._store, self._clock = jobs, home, store, clock
        self._grace_s = grace_s
        self.owner = owner_of(os.getpid())

    def run(self, stop: threading.Event, *, until_idle: bool = False) -> None:
        """Until told; `until_idle`: or until nothing waits."""
        while not stop.is_set():
            try:
                job = self._jobs.claim(self.owner, living(self._jobs.owners())) if self._jobs.due() else None
                if job is not None:
                    self._have_done(job, stop)
                elif until_idle:
                    return
            except StorageError as error:
                log.warning("%s", error)
            else:
                if job is not None:
                    continue
            stop.wait(EVERY_S)

    def _have_done(self, job: Job, stop: threading.Event) -> None:
        log.info("job %s: %s", job.id, job.kind)
        with subprocess.Popen(self._command(job), env={**os.environ, STORE: self._store}, stdin=subprocess.DEVNULL) as process:
            code = self._watch(job, process, stop)
        self._settle(job, code, stop.is_set())

    def _command(self, job: Job) -> Sequence[str]:
        words = ["work", "--home", str(self._home), "--job", job.id, "--owner", self.owner, "--bound-to", str(os.getpid())]
        return [sys.executable, "-m", "trainer.main", *words]

    def _watch(self, job: Job, process: subprocess.Popen[bytes], stop: threading.Event) -> int:
        """Its exit code; one that does not end in time when it is asked to is killed."""
        asked_ns: int | None = None
        while True:
            try:
                return process.wait(EVERY_S)
            except subprocess.TimeoutExpired:
                if asked_ns is None and (stop.is_set() or self._unwanted(job)):
                    asked_ns = self._clock.mono_ns()
                    if stop.is_set():
                        process.send_signal(signal.SIGTERM)
                elif asked_ns is not None and self._clock.mono_ns() - asked_ns > self._grace_s * 1e9:
                    process.kill()

    def _unwanted(self, job: Job) -> bool:
        try:
            now = self._jobs.find(job.id)
        except StorageError:
            return False
        return now is None or now.cancel or now.owner != self.owner

    def _settle(self, job: Job, code: int, stopping: bool) -> None:
        """What it did not write down itself. One that was stopped with us while it was only starting has had no attempt."""
        now = self._jobs.find(job.id)
        if now is None or now.state != "running" or now.owner != self.owner:
            return
        try:
            if now.cancel:
                self._jobs.end(job.id, self.owner, "cancelled", "cancelled; it did not end by itself and was stopped")
            elif stopping:
                self._jobs.give_back(job.id, self.owner, "its worker ended; it is begun again by the next")
            elif code < 0:
                self._jobs.let_go(job.id, self.owner, f"its process was ended by {_named(-code)}")
            else:
                self._jobs.end(job.id, self.owner, "failed", f"its process ended with code {code}; the worker's log says why")
        except LeaseLost as error:
            log.warning("%s", error)


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
