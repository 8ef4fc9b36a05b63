"""Idle: CPU time of the appliance on a camera where nothing moves, with the gate on key frames against decoding everything.

Both are the whole appliance with page and broker on the same 1080p30 video of one picture and a camera's noise; the other one looks
with the same gate and has to decode every picture to do so (`max_wait_ms: 0`).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench import bundles, footage
from bench.box import Box, broker, free_port
from bench.legs import CLOCK, arguments
from bench.profile import write_config
from bench.report import Figure, report
from device.measuring import decoding, read_packets

SETTLED_S = 12.0  # the gate holds for 8 s after the first picture, which counts as motion


def main() -> None:
    given = arguments(str(__doc__), rounds=1, seconds=30)
    decode = decoding(read_packets(footage.still(), CLOCK), 5, CLOCK, threaded=False)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        with broker(folder) as port:
            idle = cpu_share(folder / "idle", {}, port, given.seconds)
            everything = cpu_share(folder / "everything", {"max_wait_ms": 0}, port, given.seconds)
    figures = [
        Figure("appliance, idle camera, gate on key frames", 60 * idle, "CPU s a camera minute"),
        Figure("appliance, idle camera, everything decoded", 60 * everything, "CPU s a camera minute"),
        Figure("decoding alone", 60 * footage.FPS * decode.cpu_ms / 1000, "CPU s a camera minute"),
        Figure("idle camera with the gate against decoding everything", idle / everything, "", "<= 0.1"),
    ]
    report("idle", figures, seconds=given.seconds, gop_frames=footage.GOP_FRAMES, real_footage=footage.real())


def cpu_share(folder: Path, gate: dict[str, int], port: int, seconds: float) -> float:
    """CPU seconds a second, once it has come to rest."""
    folder.mkdir()
    bundle = bundles.shaped(folder / "models", 320)
    camera = {"use": "file", "path": str(footage.still()), "pace": "realtime", "loop": True}
    page, mqtt = {"port": free_port()}, {"host": "127.0.0.1", "port": port}
    more = {"stages": {"motion": gate}, "cameras": {"yard": camera}, "page": page, "mqtt": mqtt}
    with Box(write_config(folder, bundle, gate=True, detection_fps=10, **more)) as box:
        box.until(lambda: box.ask("/api/v1/health"))
        time.sleep(SETTLED_S)
        word = box.ask("/api/v1/health")["cameras"]["yard"]["gate"]
        if word not in {"idle", "watching"}:
            raise SystemExit(f"the gate is {word}: the camera is not idle")
        before, began = box.cpu_s(), time.monotonic()
        time.sleep(seconds)
        return (box.cpu_s() - before) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
