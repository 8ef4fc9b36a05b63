"""Box: the appliance as a process of its own, looking at films of shelves as if its cameras did."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import yaml

from tests.scenarios.loop.film import Film

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60
PROFILE = {
    "detection_fps": 4,
    "pipeline": {
        "detect": {"use": "detect"},
        "track": {"use": "track"},
        "confirm": {"use": "confirm", "labels": ["bottle", "can", "glass"]},
    },
}
EXPORT = {
    "enabled": True,
    "events": [],
    "every_s": 2,  # a picture of each camera, whatever is in it
    "uncertain": [0.1, 0.5],
    "uncertain_probability": 0.2,  # and of those the model is not sure of one in five
    "commit_s": 0.5,
    "max_share": None,
}


class ShelfBox:
    """`with ShelfBox(...) as box:` is up, publishes to the broker and offers what it kept at `url`."""

    def __init__(self, folder: Path, device: str, bundle: Path, cameras: Mapping[str, Film], broker_port: int) -> None:
        self._folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "shelf.yaml").write_text(yaml.safe_dump(PROFILE, sort_keys=False))
        settings = {
            "device_id": device,
            "profile": str(folder / "shelf.yaml"),
            "data": str(folder / "data"),
            "cameras": {name: {"use": "file", "path": str(film.path), "pace": "realtime"} for name, film in cameras.items()},
            "pipeline": {"detect": {"bundle": str(bundle)}},
            "export": EXPORT,
            "mqtt": {"host": "127.0.0.1", "port": broker_port},
            "page": {"port": self.port},
            "health": {"interval_s": 2},
        }
        (folder / "device.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ShelfBox:
        command = [sys.executable, "-m", "device.main", "--log", "INFO", "run", "--config", str(self._folder / "device.yaml")]
        with (self._folder / "box.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"the box did not start; its last words:\n{self.last_words()}")
            threading.Event().wait(0.1)
        return self

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(self.url + "/healthz", timeout=2):  # noqa: S310  loopback, http
            return True
        return False

    def last_words(self) -> str:
        return "\n".join((self._folder / "box.log").read_text(errors="replace").splitlines()[-12:])

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
