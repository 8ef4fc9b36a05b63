"""Beside: a worker beside the page, in a process of its own; one that dies is started again, more and more slowly."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

log = logging.getLogger(__name__)
EVERY_S = 0.5
LONGEST_S = 60.0
STABLE_S = 60.0
FAREWELL_S = 20.0  # a job under way is given back in that time, or is taken up by the next worker
STORE = "VEDETTE_STORE"


class Beside:
    """Works from the beginning until `close`."""

    def __init__(self, home: Path, store: str) -> None:
        self._command = [sys.executable, "-m", "trainer.main", "work", "--home", str(home), "--bound-to", str(os.getpid())]
        self._env = {**os.environ, STORE: store}
        self._stop = threading.Event()
        self.started = 0
        self._thread = threading.Thread(target=self._keep, name="worker", daemon=True)  # processes die with the thread that starts them
        self._thread.start()

    def _keep(self) -> None:
        pause_s = 1.0
        while not self._stop.is_set():
            self.started += 1
            lived_s = self._once()
            if self._stop.is_set():
                return
            pause_s = 1.0 if lived_s > STABLE_S else min(LONGEST_S, pause_s * 2)
            log.warning("the worker ended after %.0f s; it is started again in %.0f s", lived_s, pause_s)
            self._stop.wait(pause_s)

    def _once(self) -> float:
        """How long it lived, in seconds."""
        slices = 0
        with subprocess.Popen(self._command, env=self._env, stdin=subprocess.DEVNULL) as process:
            while not self._stop.is_set():
                try:
                    process.wait(EVERY_S)
                    return slices * EVERY_S
                except subprocess.TimeoutExpired:
                    slices += 1
            process.terminate()
            try:
                process.wait(FAREWELL_S)
            except subprocess.TimeoutExpired:
                process.kill()
        return slices * EVERY_S

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
