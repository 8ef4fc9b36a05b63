"""Idle: CPU time of the appliance on a camera where nothing moves, with the gate on key frames against decoding everything.

The same 1080p30 video of one picture and a camera's noise, three ways: the whole appliance with page and broker, watching key frames;
the whole appliance with the same gate having to decode every picture (`max_wait_ms: 0`); and the ffmpeg program at the video's own
speed, decoding everything to five small pictures a second in a pipe, as recorders do that look for motion in them.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from pathlib import Path

from bench import bundles, footage
from bench.box import Box, broker, free_port
from bench.config import write_config
from bench.legs import CLOCK, arguments
from bench.report import Figure, report
from device.measuring import decoding, read_packets

SETTLED_S = 16.0  # the gate holds for 8 s after the first picture, which counts as motion


def main() -> None:
    given = arguments(str(__doc__), rounds=1, seconds=30)
    decode = decoding(read_packets(footage.still(), CLOCK), 5, CLOCK, threaded=False)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        with broker(folder) as port:
            idle = cpu_share(folder / "idle", {}, port, given.seconds)
            everything = cpu_share(folder / "everything", {"max_wait_ms": 0}, port, given.seconds)
    piped = ffmpeg_share(given.seconds)
    figures = [
        Figure("appliance, idle camera, gate on key frames", 60 * idle, "CPU s a camera minute"),
        Figure("appliance, idle camera, everything decoded", 60 * everything, "CPU s a camera minute"),
        Figure("decoding alone", 60 * footage.FPS * decode.cpu_ms / 1000, "CPU s a camera minute"),
        Figure("the ffmpeg program, everything decoded to 5 small pictures a second", 60 * piped, "CPU s a camera minute"),
        Figure("idle camera with the gate against decoding everything", idle / everything, "", "<= 0.1"),
        Figure("idle camera with the gate against the ffmpeg program", idle / piped, "", "<= 0.1"),
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


def ffmpeg_share(seconds: float) -> float:
    """CPU seconds a second of the program alone; whoever looks at its pictures comes on top."""
    scale = ["-vf", "fps=5,scale=1280:720", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-t", f"{seconds}", "-i", str(footage.still()), *scale]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        while program.stdout.read(1 << 20):
            pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
