"""Timedated: whether the clock is synchronised, asked of systemd where the kernel may not be asked: in the hardened service."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable

COMMAND = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
LONGEST_S = 10.0
AGAIN_S, WHEN_YES_S = 30.0, 600.0  # it takes a process; a clock that is set stays so for a while


class Timedated:
    """`synchronised` never waits: it gives the last answer, and a thread of its own gets the next. Before the first it is no."""

    def __init__(self, ask: Callable[[], bool] | None = None) -> None:
        self._ask = ask or _ask
        self._lock = threading.Lock()
        self._answer, self._asking = False, False
        self._due = 0.0

    def synchronised(self) -> bool:
        with self._lock:
            begin = not self._asking and time.monotonic() >= self._due
            self._asking = self._asking or begin
        if begin:
            threading.Thread(target=self._find_out, name="timedated", daemon=True).start()
        return self._answer

    def _find_out(self) -> None:
        answer = self._ask()
        with self._lock:
            self._answer, self._asking = answer, False
            self._due = time.monotonic() + (WHEN_YES_S if answer else AGAIN_S)


def _ask() -> bool:
    try:
        done = subprocess.run(COMMAND, capture_output=True, timeout=LONGEST_S, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return False  # no systemd, or it does not answer: nobody says that the clock is right
    return done.stdout.strip() == b"yes"
