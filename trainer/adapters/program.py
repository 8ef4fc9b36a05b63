"""Program: another program run to its end: no shell, a log that is kept, a time limit, and none of our passwords."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigError
from contracts.files import storage
from contracts.shown import shown
from trainer.clock import Clock, SystemClock
from trainer.jobs.told import Told
from trainer.ship.steps import Stopped

PREFIX = "VEDETTE_"  # variables with tokens and passwords of ours
LIBC = ctypes.CDLL(None)  # loaded before anything is started: between fork and exec nothing may be
PR_SET_PDEATHSIG = 1
LOOK_S = 0.5  # between two looks at it
GRACE_S = 10.0  # to end by itself when it is asked to
LOG_BYTES = 256 << 20
TAIL = 4096  # bytes of the log that are looked at
PROGRESS = re.compile(r"^progress (0(?:\.\d+)?|1(?:\.0+)?)(?: (.*))?$")


@dataclass(frozen=True)
class Limits:
    seconds: float
    log_bytes: int = LOG_BYTES


def run_program(
    words: Sequence[str],
    folder: Path,
    log: Path,
    limits: Limits,
    told: Told,
    clock: Clock | None = None,
    more: Mapping[str, str] | None = None,
) -> None:
    """Runs in `folder`. ConfigError: it is not there, failed, or took too long; with the last words of its log.

    The program dies with the thread that calls this. A line `progress 0.4 words` on its output is passed on; of any other the last one is.
    """
    time = clock or SystemClock()
    began_ns, parent = time.mono_ns(), os.getpid()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | dict(more or {})
    with storage(log), log.open("wb") as out:
        try:
            process = subprocess.Popen(
                list(words),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=lambda: _bound_to(parent),  # noqa: PLW1509  one call of the kernel, which takes no lock
            )
        except OSError as error:
            raise ConfigError(f"program {words[0]}: cannot be started: {error.strerror}; install it, or correct model.command") from error
    try:
        _wait(process, log, limits, told, time, began_ns)
    finally:
        _end(process)
    if process.returncode != 0:
        raise ConfigError(f"program {words[0]}: ended with {_code(process.returncode)}: {last_words(log)}; its log is {log}")


def _bound_to(parent: int) -> None:
    """However the process that started it dies, it dies too: a job that is begun again would else have two of them."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _wait(process: subprocess.Popen[bytes], log: Path, limits: Limits, told: Told, time: Clock, began_ns: int) -> None:
    done = 0.0
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
            return
        if told.stopped():
            raise Stopped(f"stopped while {Path(str(process.args[0])).name} trained; nothing was kept, start it again")  # type: ignore[index]
        if (time.mono_ns() - began_ns) / 1e9 > limits.seconds:
            raise ConfigError(f"program: took longer than {limits.seconds:g} s and was ended; its log is {log}; raise time_limit_h")
        if log.stat().st_size > limits.log_bytes:
            raise ConfigError(f"program: wrote more than {limits.log_bytes >> 20} MiB of log and was ended; make it quieter; {log}")
        share, said = _heard(log)
        done = max(done, share)
        told.progress(done, said)


def _end(process: subprocess.Popen[bytes]) -> None:
    """It and all that it started, if they are still there."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
            if number == signal.SIGKILL:
                return


def _heard(log: Path) -> tuple[float, str]:
    """How far it is, and its words for that; without any its last line."""
    for line in _last_lines(log):
        if match := PROGRESS.match(line):
            return float(match.group(1)), shown(match.group(2) or "training")[:300]
    return 0.0, last_words(log)


def last_words(log: Path) -> str:
    """Its last line that says anything, harmless to show."""
    return shown(next(iter(_last_lines(log)), "it said nothing"))[:300]


def _last_lines(log: Path) -> list[str]:
    """Newest first, those that say anything."""
    with storage(log), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        lines = [line.strip() for line in re.split(r"[\r\n]+", file.read(TAIL).decode(errors="replace"))]
    return [line for line in reversed(lines) if line]


def _code(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
