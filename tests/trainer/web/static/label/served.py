"""The real trainer as a process of its own, which can be killed at any moment and started again at the same address."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.trainer.web.pages import PASSWORD, parts_in
from tests.trainer.web.static.label.scenes import CLASSES, Scene, keep
from trainer.clock import SystemClock
from trainer.review.filling import fill

WAIT_S = 60
API = "/api/v1/review"


class Served:
    """`vedette-trainer serve` on a home with a queue in it; vera looks, lea and ada label."""

    def __init__(self, folder: Path, scenes: Sequence[Scene]) -> None:
        parts = parts_in(folder)
        keep(parts.home.sets / "yard", scenes)
        fill(parts.database, parts.home.sets, SystemClock(), classes=CLASSES)
        parts.database.close()
        self._home = parts.home.path
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.base = ""
        self.start()

    def start(self) -> None:
        """Where it was before, once it was anywhere."""
        command = [sys.executable, "-m", "trainer.main", "serve", "--home", str(self._home), "--port", str(self._port), "--no-worker"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        assert self._process.stdout is not None
        late = threading.Timer(WAIT_S, self._process.kill)
        late.start()
        line = self._process.stdout.readline()  # ends when the process does
        late.cancel()
        assert line.startswith("http"), f"the trainer said {line!r}"
        self.base = line.strip()
        self._port = int(self.base.rpartition(":")[2])

    def kill(self) -> None:
        """As the kernel does when there is no memory: nothing is finished, nothing is said."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(WAIT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def close(self) -> None:
        self._end(signal.SIGTERM)

    def login(self, name: str) -> httpx.Client:
        """A program that labels, or looks at what the page did."""
        client = httpx.Client(base_url=self.base, timeout=WAIT_S)
        answer = client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client


class Desk:
    """What the trainer knows, asked for over REST by somebody who only looks."""

    def __init__(self, served: Served, name: str = "vera") -> None:
        self.http = served.login(name)

    def item(self, item: str) -> dict[str, Any]:
        answer = self.http.get(f"{API}/items/{item}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ids(self, state: str = "open") -> list[str]:
        return [each["id"] for each in self.http.get(f"{API}/items", params={"state": state}).json()["items"]]

    def said(self, item: str) -> dict[str, Any]:
        """The draft, else the labels."""
        found = self.item(item)
        return dict(found["draft"] or found["labels"])

    def close(self) -> None:
        self.http.close()
