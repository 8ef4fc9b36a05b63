"""Record: a real RTSP camera recorded around the clock, CPU against the ffmpeg program copying the same stream, and what reconnects cost.

GStreamer's server plays the 1080p30 street over TCP on loopback. First the recorder (capture, ring and recorder as the appliance has them,
syncing to disk, in a process of its own) and `ffmpeg -c copy` record it side by side, and the CPU time of each is counted while they do;
beside them the libraries of FFmpeg that we use read it and do nothing else, for that is most of the work.
Then the recorder alone, while the server is killed and started twice.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import footage
from bench.box import TICKS, free_port, until
from bench.report import Figure, report
from contracts.clip import Clip
from device.capture.camera import Capture
from device.capture.rtsp import RtspSource
from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.record.options import RecordOptions
from device.record.recorder import Recorder

SERVER = footage.ROOT / "tests" / "device" / "capture" / "rtsp_server.py"
SETTLED_S = 5.0
RING_S = 15.0
RECONNECTS = 2
READING = """
import sys, av
container = av.open(sys.argv[1], options={"rtsp_transport": "tcp", "allowed_media_types": "video", "fpsprobesize": "0"})
for packet in container.demux(container.streams.video[0]):
    pass
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="recorded with two reconnects")
    parser.add_argument("--cpu-seconds", type=float, default=30, help="recorded beside the ffmpeg program")
    parser.add_argument("--child", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]))
        return
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        film = longer(folder / "film.mkv", max(given.cpu_seconds, given.seconds) + 20)
        ours, theirs, reading = side_by_side(film, folder, given.cpu_seconds)
        clips, wall_s = with_reconnects(film, folder / "away", given.seconds)
    kept_s, away_s = told(clips)
    figures = [
        Figure("recording a 1080p30 RTSP camera", 60 * ours, "CPU s a camera minute"),
        Figure("ffmpeg -c copy of the same camera at the same time", 60 * theirs, "CPU s a camera minute"),
        Figure("only reading it, with the libraries that recording uses", 60 * reading, "CPU s a camera minute"),
        Figure("recording against ffmpeg -c copy", ours / theirs, "", "<= 0.5"),
        Figure(f"recorded seconds / wall seconds, with {RECONNECTS} reconnects", kept_s / wall_s, ""),
        Figure("the same, but for the seconds that the manifests call holes", (kept_s + away_s) / wall_s, "", ">= 0.97"),
    ]
    report("record", figures, seconds=given.seconds, cpu_seconds=given.cpu_seconds, clips=len(clips), real_footage=footage.real())


def longer(path: Path, seconds: float) -> Path:
    """The street again and again, so that it does not end before the bench does."""
    loops = int(seconds / footage.SECONDS) + 1
    words = ["-stream_loop", str(loops), "-i", str(footage.street()), "-map", "0:v", "-c", "copy", str(path)]
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *words], check=True)
    return path


@contextmanager
def served(film: Path, port: int) -> Iterator[str]:
    command = ["/usr/bin/python3", str(SERVER), str(port), str(film)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        if server.stdout is None or server.stdout.readline() != "ready\n":
            raise SystemExit("GStreamer's RTSP server is not installed: scripts/system test installs it")
        try:
            yield f"rtsp://127.0.0.1:{port}/file"
        finally:
            server.kill()


def side_by_side(film: Path, folder: Path, seconds: float) -> list[float]:
    """CPU seconds a second of the recorder, of the ffmpeg program, and of reading alone."""
    with ExitStack() as stack:
        url = stack.enter_context(served(film, free_port()))
        ours = stack.enter_context(recorder(url, folder / "ours"))
        copy = ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", str(folder / "theirs.mp4")]
        others = [stack.enter_context(running(command)) for command in (copy, [sys.executable, "-c", READING, url])]
        pids = [ours.pid, *(each.pid for each in others)]
        time.sleep(SETTLED_S)
        before, began = [cpu_s(pid) for pid in pids], time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        return [(cpu_s(pid) - at) / lasted for pid, at in zip(pids, before, strict=True)]


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def with_reconnects(film: Path, folder: Path, seconds: float) -> tuple[list[Clip], float]:
    """The clips, and how long they were asked for."""
    port = free_port()
    with recorder(f"rtsp://127.0.0.1:{port}/file", folder) as ours:
        began = time.monotonic()
        for _ in range(RECONNECTS + 1):
            with served(film, port):
                time.sleep(seconds / (RECONNECTS + 1))
        wall_s = time.monotonic() - began
        assert ours.poll() is None
    return [Clip.model_validate_json(path.read_bytes()) for path in sorted(folder.rglob("*.json"))], wall_s


def told(clips: list[Clip]) -> tuple[float, float]:
    """Seconds that were kept, and seconds of holes."""
    away_ns = sum(hole.until_pts_ns - hole.from_pts_ns for clip in clips for hole in clip.holes)
    within_ns = sum(hole.until_pts_ns - hole.from_pts_ns for clip in clips for hole in clip.holes if hole.from_pts_ns >= clip.start_pts_ns)
    return (sum(clip.end_pts_ns - clip.start_pts_ns for clip in clips) - within_ns) / 1e9, away_ns / 1e9


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def recorder(url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """In a process of its own; ends with what it is told on its input."""
    folder.mkdir()
    command = [sys.executable, "-m", "bench.record", "--child", url, str(folder)]
    with subprocess.Popen(command, cwd=footage.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        process.stdout.readline()
        yield process
        process.stdin.close()
        print(" ", json.loads(process.stdout.read() or "{}"), flush=True)
        until(lambda: process.poll() is not None, 30, "the recorder does not end")


def child(url: str, folder: Path) -> None:
    clock, board, tally = SystemClock(), Board(), Tally()
    crew, ring = Crew(clock), PacketRing(RING_S)
    source = RtspSource("yard", RtspSource.Options(url=url), clock)
    capture = Capture(source, ring, board=board, tally=tally, clock=clock)
    options = RecordOptions.model_validate({"when": {"continuous": True}, "segment_s": 60})
    keeper = Recorder({"yard": ring}, folder, options, clock=clock, tally=tally, board=board, device="bench")
    crew.add("capture", capture.run)
    crew.add("record", keeper.run)
    crew.on_stop(capture.stop)
    crew.on_stop(keeper.close)
    crew.start()
    print("ready", flush=True)
    sys.stdin.read()
    crew.stop()
    print(json.dumps({"packets": tally.get("yard", "packets"), "share": tally.gauges().get(("yard", "recorded"))}))


if __name__ == "__main__":
    main()
