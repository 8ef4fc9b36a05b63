"""Desk: the trainer as its people meet it: its page in a process of its own, asked over REST; jobs waited for with their progress."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
Tell = Callable[[str], None]
PATIENCE_S = 120
LOOK_S = 0.5
TELL_S = 5.0  # between two lines of progress


class Desk:
    """`with Desk(home) as desk:` serves, with a worker beside it, and `client` is logged in as an admin."""

    def __init__(self, home: Path, tell: Tell = lambda _words: None) -> None:
        self.home, self._tell = home, tell
        self.password = secrets.token_urlsafe(12)
        self.client = httpx.Client(timeout=60)
        self._log = home / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *words: str, secret: str = "") -> str:
        """What `vedette-trainer ...` says; an error with its words when it fails."""
        environment = {**os.environ, "VEDETTE_TRAINER_PASSWORD": secret} if secret else dict(os.environ)
        command = [sys.executable, "-m", "trainer.main", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"vedette-trainer {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def __enter__(self) -> Desk:
        self.home.mkdir(parents=True, exist_ok=True)
        for name in ("ada:admin", "lea:labeller"):
            who, _, role = name.partition(":")
            self.command("users", "add", who, "--role", role, "--home", str(self.home), secret=self.password)
        command = [sys.executable, "-m", "trainer.main", "serve", "--home", str(self.home), "--port", "0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.client.base_url = httpx.URL(self._address())
        self.log_in(self.client, "ada")
        return self

    def log_in(self, client: httpx.Client, name: str) -> None:
        said = client.post("/api/v1/session", json={"name": name, "password": self.password}).raise_for_status().json()
        client.headers["X-CSRF-Token"] = said["csrf"]

    def _address(self) -> str:
        assert self._process
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"https?://127\.0\.0\.1:\d+", self._log.read_text(errors="replace"))
            if found:
                return found[0]
            threading.Event().wait(0.1)
        raise RuntimeError(f"the trainer's page did not start; its last words:\n{self._log.read_text(errors='replace')[-2000:]}")

    def job(self, kind: str, **arguments: Any) -> Mapping[str, Any]:
        """Its result; an error with its words when it fails."""
        asked = self.client.post("/api/v1/jobs", json={"kind": kind, "arguments": arguments})
        if asked.status_code != 202:
            raise RuntimeError(f"job {kind}: {asked.status_code} {asked.text[:1000]}")
        place, told = asked.headers["Location"], time.monotonic()
        while True:
            now = self.client.get(place).raise_for_status().json()
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                self._tell(f"{kind}: {now['progress']:4.0%} {now['said']}")
            if now["state"] == "done":
                return dict(now["result"] or {})
            if now["state"] in {"failed", "cancelled"}:
                raise RuntimeError(f"job {kind}: {now['state']}: {now['said']}")
            threading.Event().wait(LOOK_S)

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
