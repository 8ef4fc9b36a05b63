#!/usr/bin/env python3
"""The demo: the whole appliance on real street footage as if live, with a broker, a page, and the events as they come."""

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
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion

ROOT = Path(__file__).resolve().parent.parent
STREET = ROOT / ".cache" / "footage" / "street.mkv"
DEVICE = "demo-box"
ZONES = {
    "junction": {"points": [[0.33, 0.36], [0.80, 0.30], [0.99, 0.55], [0.95, 0.72], [0.62, 0.56], [0.40, 0.47]]},
    "lawn": {"points": [[0.0, 0.45], [0.25, 0.47], [0.60, 0.62], [0.85, 0.80], [1.0, 0.90], [1.0, 1.0], [0.0, 1.0]]},
}
ANNOTATED = 12  # pictures with boxes that are kept


def main() -> int:
    out = ROOT / "demo-output" / time.strftime("%Y%m%d-%H%M%S")
    out.mkdir(parents=True)
    seconds = float(os.environ.get("DEMO_SECONDS", "0"))
    broker = start_broker(out)
    config = write_config(out, broker[1] if broker else None)
    command = [sys.executable, "-m", "device.main", "--log", "INFO", "run", "--config", str(config)]
    box = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=(out / "box.log").open("wb"))
    try:
        demo = Demo(out, yaml.safe_load(config.read_text())["page"]["port"])
        return demo.play(box, broker[1] if broker else None, seconds)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in [box, *([broker[0]] if broker else [])]:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
        Summary(out).show()


def start_broker(out: Path) -> tuple[subprocess.Popen[bytes], int] | None:
    """mosquitto on loopback, for the demo only; None when this machine has none (the box works without)."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not program:
        print("No mosquitto on this machine: the box works by its page, log and WebSocket. (Debian: apt install mosquitto)")
        return None
    port = free_port()
    conf = out / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen([program, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=(out / "mosquitto.log").open("wb"))
    return process, port


def free_port(preferred: int = 0) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise SystemExit("no free port on loopback")


def write_config(out: Path, mqtt_port: int | None) -> Path:
    """The device.yaml of the demo box; the footage when it is there, else the rendered scene."""
    if STREET.exists():
        camera: dict[str, Any] = {"use": "file", "path": str(STREET), "pace": "realtime", "loop": True, "zones": ZONES}
    else:
        print("The street footage could not be fetched: playing the rendered scene instead (nobody real walks there).")
        camera = {"use": "pattern", "pace": "realtime"}
    config: dict[str, Any] = {
        "device_id": DEVICE,
        "data": str(out / "data"),
        "cameras": {"street": camera},
        "page": {"port": free_port(8088)},
        "record": {"longest_clip_s": 20},  # there is always somebody in this street: without it the clips would be minutes long
    }
    if mqtt_port:
        config["mqtt"] = {"host": "127.0.0.1", "port": mqtt_port}
    path = out / "device.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


class Demo:
    """Follows a running box and prints what it sees."""

    def __init__(self, out: Path, page_port: int) -> None:
        self._page = f"http://127.0.0.1:{page_port}"
        self._pictures = out / "annotated"
        self._pictures.mkdir()
        self._kept = 0
        self._entered: dict[str, int] = {}  # zones an event has been in, by its id
        self._began = time.monotonic()

    def play(self, box: subprocess.Popen[bytes], mqtt_port: int | None, seconds: float) -> int:
        if not self._wait_for_page(box):
            print(f"The box did not start; see {self._pictures.parent / 'box.log'}", file=sys.stderr)
            return 1
        print(f"\n  The page:  {self._page}/\n  Events:    {'MQTT, and ' if mqtt_port else ''}below, as they come. Ctrl-C ends the demo.\n")
        client = self._subscribe(mqtt_port) if mqtt_port else None
        follower = threading.Thread(target=self._follow_log, daemon=True) if client is None else None
        if follower:
            follower.start()
        with suppress(subprocess.TimeoutExpired):
            box.wait(seconds or None)
            print(f"The box ended by itself with code {box.returncode}; see {self._pictures.parent / 'box.log'}", file=sys.stderr)
            return 1
        return 0

    def _wait_for_page(self, box: subprocess.Popen[bytes]) -> bool:
        while box.poll() is None and time.monotonic() - self._began < 60:
            with suppress(OSError), urllib.request.urlopen(self._page + "/healthz", timeout=2):  # noqa: S310  loopback, http
                return True
            time.sleep(0.1)
        return False

    def _subscribe(self, port: int) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.on_connect = lambda c, *_: c.subscribe(f"vedette/v1/{DEVICE}/up/event", 1)
        client.on_message = lambda _c, _u, message: self._show(json.loads(message.payload)["data"])
        client.connect("127.0.0.1", port)
        client.loop_start()
        return client

    def _follow_log(self) -> None:
        """Without a broker: the events by the page's API."""
        seen: set[tuple[str, str]] = set()
        while True:
            with suppress(OSError), urllib.request.urlopen(self._page + "/api/v1/events?limit=50", timeout=5) as answer:  # noqa: S310  loopback
                found = json.load(answer)
                for event in reversed(found if isinstance(found, list) else found["events"]):
                    if (event["id"], event["life"]) not in seen:
                        seen.add((event["id"], event["life"]))
                        self._show(event)
            time.sleep(0.5)

    def _show(self, event: dict[str, Any]) -> None:
        entered = len(event["entered"]) > self._entered.get(event["id"], 0)
        self._entered[event["id"]] = len(event["entered"])
        if event["life"] == "update" and not entered:
            return
        words = {"new": "appears", "update": f"enters {event['entered'][-1] if entered else ''}", "end": "is gone"}[event["life"]]
        print(f"  {event['t'][11:23]}  {event['label']} {event['track']} {words}  ({event['confidence']:.2f})", flush=True)
        if event["life"] == "new" and self._kept < ANNOTATED:
            self._keep_picture(event)

    def _keep_picture(self, event: dict[str, Any]) -> None:
        url = f"{self._page}/api/v1/snapshot/{event['camera']}.jpg?boxes=1"
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  loopback, http
            (self._pictures / f"{self._kept:02d}-{event['label']}-{event['track']}.jpg").write_bytes(answer.read())
            self._kept += 1


class Summary:
    """What one demo left behind."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def show(self) -> None:
        lives = Counter(event["life"] for event in self._events())
        clips = [*self._out.glob("data/clips/**/*.mp4"), *self._out.glob("data/clips/**/*.mkv")]
        pictures = len(list(self._out.glob("annotated/*")))
        print(f"\n  {lives['new']} events began, {lives['end']} ended; {len(clips)} clips; {pictures} annotated pictures")
        where = self._out.relative_to(Path.cwd()) if self._out.is_relative_to(Path.cwd()) else self._out
        print(f"  Everything is in {where}/")

    def _events(self) -> list[dict[str, Any]]:
        lines = [line for path in sorted(self._out.glob("data/log/*.jsonl")) for line in path.read_text().splitlines()]
        return [found for line in lines if "life" in (found := json.loads(line))]


if __name__ == "__main__":
    sys.exit(main())
