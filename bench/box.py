"""Box: `vedette run` as a process of its own with a real broker, and what can be seen of it from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """mosquitto on loopback; its port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed: scripts/system test installs it")
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n")
    process = subprocess.Popen([program, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 10, "mosquitto does not answer")
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Subscriber:
    """Every event with the monotonic time at which it came."""

    def __init__(self, port: int) -> None:
        self._came = threading.Condition()
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, "bench", protocol=MQTTProtocolVersion.MQTTv5)
        ready = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe("vedette/v1/+/up/event", 1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not ready.wait(10):
            raise SystemExit("the broker took no subscription")

    def _take(self, _client: object, _data: object, message: MQTTMessage) -> None:
        now = time.monotonic()
        with self._came:
            self.events.append((now, json.loads(message.payload)))
            self._came.notify_all()

    def wait(self, count: int, timeout_s: float) -> list[tuple[float, dict[str, Any]]]:
        with self._came:
            if not self._came.wait_for(lambda: len(self.events) >= count, timeout_s):
                raise SystemExit(f"only {len(self.events)} of {count} events came within {timeout_s:g} s")
            return list(self.events)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Box:
    """Started from a device.yaml; read from /proc and by its own API."""

    def __init__(self, config: Path) -> None:
        self._page = f"http://127.0.0.1:{yaml.safe_load(config.read_text())['page']['port']}"
        self.began = time.monotonic()
        self._log = config.with_name("box.log")
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "device.main", "--log", "WARNING", "run", "--config", str(config)]
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def ask(self, path: str) -> Any:
        """JSON of its API; None while it does not answer."""
        try:
            with urllib.request.urlopen(self._page + path, timeout=5) as answer:  # noqa: S310  loopback, http
                return json.load(answer)
        except OSError:
            return None

    def until(self, true: Callable[[], Any], timeout_s: float = 60) -> None:
        until(lambda: self._process.poll() is not None or true(), timeout_s, self._log.read_text())
        if self._process.poll() is not None:
            raise SystemExit(f"the box ended: {self._log.read_text()}")

    def cpu_s(self) -> float:
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self, what: str = "VmRSS") -> float:
        line = next(line for line in self._proc("status").splitlines() if line.startswith(what))
        return int(line.split()[1]) / 1000

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self._process.pid}/{name}").read_text()


def until(true: Callable[[], Any], timeout_s: float, otherwise: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.02)
