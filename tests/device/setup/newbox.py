"""A box that nobody owns yet: `vedette run` as a process with neither cameras nor a password; killed and started as often as wanted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.device.publish.mosquitto import free_port
from tests.scenarios.stage import ROOT
from tests.vision.bundles import white_box_bundle

PASSWORD = "correct horse 9"
BOX = "new-box"


def device_yaml(folder: Path, **more: Any) -> Path:
    """What comes with a box: where its data lie, and nothing of an owner."""
    white_box_bundle(folder / "models" / "white", name="white", labels=["person"], min_confidence=0.9)
    said = {
        "device_id": BOX,
        "data": str(folder / "data"),
        "model": {"folders": [str(folder / "models")], "workers": 1, "trial_s": 0},
        "pipeline": {"detect": {"bundle": "white"}},
        "page": {"host": "127.0.0.1", "port": free_port()},
        **more,
    }
    path = folder / "device.yaml"
    path.write_text(yaml.safe_dump(said, sort_keys=False))
    return path


class NewBox:
    def __init__(self, folder: Path, **more: Any) -> None:
        self.yaml = device_yaml(folder, **more)
        self.data, self.log = folder / "data", folder / "box.log"
        self.base = f"http://127.0.0.1:{yaml.safe_load(self.yaml.read_text())['page']['port']}"
        self.http = httpx.Client(base_url=self.base, timeout=60, headers={"origin": self.base})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> NewBox:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("VEDETTE_", "NOTIFY_"))}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "device.main", "run", "--config", str(self.yaml)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        self.until(lambda: self.get("/healthz"))
        return self

    def get(self, path: str) -> httpx.Response | None:
        """None while it is away."""
        try:
            return self.http.get(path)
        except httpx.HTTPError:
            return None

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(20)

    def until(self, true: Callable[[], Any], timeout_s: float = 100) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (found := true()):
            assert self.process and self.process.poll() is None, f"the box ended:\n{self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"not in {timeout_s} s; the box said:\n{self.log.read_text()[-3000:]}"
            threading.Event().wait(0.05)
        return found

    @property
    def code(self) -> str:
        return (self.data / "config" / "setup-code").read_text()

    def claim(self, password: str = PASSWORD) -> None:
        answer = self.http.post("/setup", data={"code": self.code, "password": password, "again": password})
        assert (answer.status_code, answer.headers["location"]) == (303, "/settings#camera")

    def login(self, password: str = PASSWORD) -> int:
        return self.http.post("/login", data={"password": password}).status_code

    def state(self) -> dict[str, Any]:
        answer = self.http.get("/api/v1/settings")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def set(self, path: str, **said: Any) -> httpx.Response:
        return self.http.post(f"/api/v1/settings/{path}", json=said)

    def owner(self) -> dict[str, Any]:
        """What the page wrote."""
        return dict(yaml.safe_load((self.data / "config" / "owner.yaml").read_text()))

    def close(self) -> None:
        self.http.close()
        if self.process and self.process.poll() is None:
            self.kill()
