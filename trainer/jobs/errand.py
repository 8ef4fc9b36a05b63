"""Errand: one job done in this process, and its end written down."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import threading
from collections.abc import Mapping
from typing import Any

from contracts.errors import ConfigError, VedetteError
from trainer.jobs.job import Job, State
from trainer.jobs.kinds import Given, read
from trainer.jobs.pulse import Pulse
from trainer.jobs.queue import Jobs

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1


def do(jobs: Jobs, job: Job, given: Given, stop: threading.Event) -> None:
    """`stop`: the worker ends; what is not done waits for the next one. LeaseLost when the job became somebody else's."""
    result: Mapping[str, Any] | None = None
    state: State = "done"
    with Pulse(jobs, job, given.clock, stop) as pulse:
        try:
            arguments, work = read(job.kind, job.arguments)
            result, said = work(arguments, given, pulse), "done"
        except VedetteError as error:
            state, said = "failed", str(error)
        except Exception as error:  # a seam: whatever a work does wrong is its job's end, and the worker goes on
            log.exception("job %s", job.id)
            state, said = "failed", f"a fault of this program ({type(error).__name__}: {error}); the worker's log says more"
    if pulse.lost.is_set():
        return
    if pulse.told_to_stop and pulse.cancelled:
        jobs.end(job.id, job.owner, "cancelled", "cancelled", dict(result) if result else None)
    elif pulse.told_to_stop:
        jobs.give_back(job.id, job.owner, "its worker ended; it is begun again by the next")
    else:
        jobs.end(job.id, job.owner, state, said, dict(result) if result is not None else None)


def claimed(jobs: Jobs, job: str, owner: str) -> Job:
    """ConfigError when that job is not that owner's to do."""
    found = jobs.find(job)
    if found is None or found.state != "running" or found.owner != owner:
        raise ConfigError(f"job {job}: is not {owner}'s to do; start jobs with `vedette-trainer jobs run`")
    return found


def die_with(parent: int) -> None:
    """When the process that started this one dies, however it dies, so does this one: two would do the same work."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise ConfigError(f"work: the kernel does not bind a process to another ({os.strerror(ctypes.get_errno())})")
    if os.getppid() != parent:
        raise ConfigError(f"work: process {parent} is gone; start it again")
