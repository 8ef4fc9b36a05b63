"""An appliance in a box with a real systemd: its service, its journal, its data, and how long things take."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts import nspawn

UNIT = "vedette.service"
DATA = "/var/lib/vedette"
BY_S = 90.0
SMALL: dict[str, Any] = {
    "device_id": "box-01",
    "profile": "street",
    "detection_fps": 2,
    "cameras": {"yard": {"use": "pattern", "seconds": 0, "fps": 10, "people": 1}},
    "pipeline": {"site": {"use": "site_stuck:Stuck"}},
    "record": {"segment_s": 5, "when": {"continuous": True}},
    "page": {"port": 8080},
}


def tell(words: str) -> None:
    """A figure, for whoever runs it with -s."""
    sys.stdout.write(f"\n{words}\n")


@dataclass
class Appliance:
    box: nspawn.Box

    def call(self, *words: str, check: bool = True, stdin: str | None = None) -> str:
        return nspawn.run(self.box, *words, check=check, stdin=stdin).stdout

    def fails(self, *words: str) -> bool:
        return nspawn.run(self.box, *words, check=False).returncode != 0

    def configure(self, more: Mapping[str, Any] | None = None) -> None:
        text = yaml.safe_dump({**SMALL, **(more or {})}, sort_keys=False)
        self.call("install", "-d", "-o", "root", "-g", "vedette", "-m", "0750", "/etc/vedette")
        self.call(
            "sh",
            "-c",
            "cat > /etc/vedette/device.yaml && chgrp vedette /etc/vedette/device.yaml && chmod 0640 /etc/vedette/device.yaml",
            stdin=text,
        )

    def drop_in(self, name: str, text: str) -> None:
        place = f"/etc/systemd/system/{UNIT}.d"
        self.call("sh", "-c", f"mkdir -p {place} && cat > {place}/{name}.conf && systemctl daemon-reload", stdin=text)

    def show(self, name: str) -> str:
        return self.call("systemctl", "show", "--value", "-p", name, UNIT).strip()

    def main_pid(self) -> int:
        return int(self.show("MainPID"))

    def restarts(self) -> int:
        return int(self.show("NRestarts"))

    def ready(self) -> bool:
        """systemd calls a `notify` service active when it said READY."""
        return self.show("ActiveState") == "active" and self.show("SubState") == "running"

    def until(self, true: Callable[[], bool], within_s: float = BY_S) -> float:
        """Seconds it took. There is nothing to wait on in another machine: it is asked again and again."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < within_s, f"not within {within_s} s; the journal ends with:\n{self.tail()}"
            time.sleep(0.1)
        return time.monotonic() - began

    def start(self) -> float:
        began = time.monotonic()
        self.call("systemctl", "start", "--no-block", UNIT)
        self.until(self.ready)
        return time.monotonic() - began

    def stop(self) -> float:
        began = time.monotonic()
        self.call("systemctl", "stop", UNIT)
        return time.monotonic() - began

    def until_ready_again(self, pid: int, within_s: float = BY_S) -> float:
        return self.until(lambda: self.ready() and self.main_pid() not in {0, pid}, within_s)

    def journal(self, *words: str) -> list[dict[str, Any]]:
        lines = self.call("journalctl", "--no-pager", "-o", "json", "-u", UNIT, *words).splitlines()
        return [json.loads(line) for line in lines]

    def tail(self) -> str:
        return self.call("journalctl", "--no-pager", "-n", "30", "-u", UNIT, check=False)

    def asked(self, path: str) -> Any:
        return json.loads(self.call("curl", "--silent", "--max-time", "10", f"http://127.0.0.1:8080{path}"))

    @property
    def data(self) -> Path:
        """As this machine sees it."""
        return self.box.root / DATA.removeprefix("/")
