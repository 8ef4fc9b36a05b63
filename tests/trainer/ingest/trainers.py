"""The program `vedette-trainer ingest` in a process of its own, and what its store has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tests.device.publish.mosquitto import Broker
from trainer.store.database import Database
from trainer.store.tables import devices, event_messages

ROOT = Path(__file__).resolve().parents[3]


class Trainer:
    """Started and killed as often as a test likes; `said` is the last line of health."""

    def __init__(self, store: Path, broker: Broker, *options: str) -> None:
        self._store, self._broker = store, broker
        self._options = ["--set", "reconnect_min_s=0.05", "--set", "reconnect_max_s=0.3", *options]
        self._process: subprocess.Popen[str] | None = None
        self.said: dict[str, Any] = {}

    def start(self) -> None:
        where = ["--host", self._broker.host, "--port", str(self._broker.port), "--store", str(self._store)]
        command = [sys.executable, "-m", "trainer.main", "ingest", *where, "--every", "0.1", "--json", *self._options]
        self._process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            if line.endswith("\n"):
                self.said = json.loads(line)

    def wait(self, enough: Callable[[dict[str, Any]], object], timeout_s: float = 60) -> dict[str, Any]:
        return eventually(lambda: self.said if self.said and enough(self.said) else None, timeout_s)

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._end()

    def stop(self) -> int:
        assert self._process
        self._process.terminate()
        return self._end()

    def _end(self) -> int:
        assert self._process
        assert self._process.stdout
        code = self._process.wait(60)
        self._reader.join(20)
        self._process.stdout.close()
        self.said, self._process = {}, None
        return code

    def close(self) -> None:
        if self._process is not None:
            self.kill()


def eventually(ask: Callable[[], Any], timeout_s: float = 60, pause_s: float = 0.05) -> Any:
    """Ask until the answer is yes; for what can only be looked at from outside."""
    pause, until = threading.Event(), time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < until, f"still {answer!r} after {timeout_s} s"
        pause.wait(pause_s)
    return answer


def stored(store: Path) -> dict[str, list[int]]:
    """Numbers of the messages of each box, as often as they are there."""
    database, found = Database(str(store)), dict[str, list[int]]()
    with database.read() as connection:
        query = select(devices.c.name, event_messages.c.seq).join(devices, devices.c.number == event_messages.c.device)
        for name, seq in connection.execute(query.order_by(event_messages.c.seq)):
            found.setdefault(name, []).append(seq)
    database.close()
    return found


def count(store: Path) -> int:
    database = Database(str(store))
    with database.read() as connection:
        number = connection.execute(select(func.count()).select_from(event_messages)).scalar()
    database.close()
    return int(number or 0)
