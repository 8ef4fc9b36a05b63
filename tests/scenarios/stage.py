"""What scenarios are played on: a film whose every visit is known, a model that finds it, and the box as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml

from tests.device.publish.mosquitto import free_port
from tests.vision.bundles import white_box_bundle

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "tests" / "device" / "capture" / "rtsp_server.py"
WIDTH, HEIGHT, FPS = 320, 240, 25
VISITS = ((2.0, 6.0), (16.0, 19.0), (29.0, 33.0))  # seconds in which the white box is there
SECONDS = 40.0


def film(
    path: Path,
    visits: Sequence[tuple[float, float]] = VISITS,
    seconds: float = SECONDS,
    stands: tuple[float, float] = (0.0, 0.0),
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Path:
    """Grey noise in which a white box walks from left to right during each visit, but for when it `stands`; H.264, a key frame a
    second."""
    width, height = size
    rng = np.random.default_rng(7)
    ground = rng.integers(40, 60, (height, width, 3), np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "x264-params": f"keyint={FPS}:scenecut=0:bframes=0"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = width, height, "yuv420p", Fraction(1, FPS)
        out.metadata["creation_time"] = "2026-01-02T03:04:05Z"
        for number in range(int(seconds * FPS)):
            picture = ground.copy()
            at = number / FPS
            for begin, end in visits:
                if begin <= at < end:
                    walked = at if at < stands[0] else max(stands[0], at - (stands[1] - stands[0]))
                    x = int(10 + (width - 60) * (walked - begin) / (end - begin))
                    picture[100:160, x : x + 30] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def config(folder: Path, camera: dict[str, Any], **more: Any) -> Path:
    """A device.yaml for a box in `folder` whose model is the white box's."""
    if not (folder / "models" / "white").exists():
        white_box_bundle(folder / "models" / "white", name="white", labels=["person"], min_confidence=0.9)
    path = folder / "device.yaml"
    settings = {
        "device_id": "box-01",
        "data": str(folder / "data"),
        "model": {"folders": [str(folder / "models")], "workers": 2, "trial_s": 0},  # our own model: no need to try it each time
        "cameras": {"yard": camera},
        "pipeline": {"detect": {"bundle": "white"}, "motion": {"hold_ms": 3500}},
        "page": {"port": free_port()},
        "health": {"interval_s": 0.5},
        **more,
    }
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


class Box:
    """`vedette run` as a process; killed and started as often as a scenario likes."""

    def __init__(self, device_yaml: Path) -> None:
        self.yaml = device_yaml
        settings = yaml.safe_load(device_yaml.read_text())
        self.data = Path(settings["data"])
        self.page = f"http://127.0.0.1:{settings['page']['port']}"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = device_yaml.with_name("box.log")

    def start(self, timeout_s: float = 30) -> Box:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "device.main", "run", "--config", str(self.yaml)], cwd=ROOT, stdout=log, stderr=log
            )
        self.until(lambda: self.ask("/api/v1/cameras"), timeout_s)
        return self

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 20) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def ask(self, path: str) -> Any:
        """JSON from the box's API; None while it does not answer."""
        try:
            with urllib.request.urlopen(self.page + path, timeout=5) as answer:  # noqa: S310  loopback, http
                return json.load(answer)
        except OSError:
            return None

    def read(self, path: str) -> bytes:
        with urllib.request.urlopen(self.page + path, timeout=5) as answer:  # noqa: S310  loopback, http
            return bytes(answer.read())

    def until(self, true: Callable[[], Any], timeout_s: float = 30) -> Any:
        """Wait for something to become true; what the box said when it does not."""
        deadline = time.monotonic() + timeout_s
        while not (found := true()):
            assert self.process and (self.process.poll() is None), f"the box ended:\n{self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"it did not happen in {timeout_s} s; the box said:\n{self.log.read_text()[-3000:]}"
            threading.Event().wait(0.05)
        return found

    def events(self, life: str | None = None) -> list[dict[str, Any]]:
        """From the event logs, the oldest first."""
        paths = sorted((self.data / "log").glob("events*.jsonl"), key=lambda path: path.stat().st_mtime)
        lines = [line for path in paths for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        found = [json.loads(line) for line in lines]
        return [event for event in found if "life" in event and life in {None, event["life"]}]

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("/api/v1/health") or {}
        return answer


class RtspServer:
    """GStreamer's, run by the system's Python; serves the film at its own speed from its beginning to whoever comes first."""

    def __init__(self, path: Path, parser: str = "", sound: str = "") -> None:
        self.port, self.path = free_port(), path  # the next start plays what `path` is then
        self._parser, self._sound = parser, sound
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/file"

    def start(self) -> None:
        words = [word for word in (self._parser, str(self.path), self._sound) if word]
        command = ["/usr/bin/python3", str(SERVER), str(self.port), *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout
        if self._process.stdout.readline().strip() != "ready":
            pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)")

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate(timeout=10)
            self._process = None


def run_vedette(*args: str, folder: Path, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "device.main", *args]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s)
