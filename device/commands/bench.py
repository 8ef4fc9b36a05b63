"""`vedette bench`: how fast this box is with its configuration: decoding, the network, the whole way, and how late live answers are."""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from contracts.errors import ConfigError
from device.clock import Clock, SystemClock
from device.commands.arguments import add_config, load_from
from device.config import Loaded
from device.inventory import memory_bytes, versions
from device.measuring import Speed, Way
from device.trial import Trial, rendered


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--file", type=Path, help="a recording of your camera, to look at (default: a rendered street of 1920x1080)")
    parser.add_argument("--seconds", type=float, default=5, metavar="N", help="length of each of the four measurements (default 5)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> int:
    if args.seconds <= 0:
        raise ConfigError(f"--seconds {args.seconds:g}: must be more than 0; write for example --seconds 5")
    loaded = load_from(args)
    logging.getLogger("device.capture").setLevel(logging.WARNING)  # each round opens a camera
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with (
        tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder,
        Progress(*columns, console=console, transient=True, disable=args.json or not console.is_terminal) as bar,
    ):

        def say(what: str, share: float) -> None:
            task = next((task.id for task in bar.tasks if task.description == what), None)
            bar.update(bar.add_task(what, total=1.0) if task is None else task, completed=share)

        path = args.file or rendered(Path(folder) / "street.mkv", lambda share: say("rendering a street", share))
        found = figures(loaded, path, args.seconds, SystemClock(), say)
    print(json.dumps(found, indent=1)) if args.json else _show(found, args.file)
    return 0


def figures(loaded: Loaded, path: Path, seconds: float, clock: Clock, say: Callable[[str, float], None]) -> dict[str, Any]:
    """Everything that is printed, plain."""
    trial = Trial(loaded, path, clock)
    say("decoding alone", 0)
    decode = trial.decode(seconds)
    say("decoding alone", 1)
    say("the network alone", 0)
    network = trial.network(seconds)
    say("the network alone", 1)
    whole = trial.whole(seconds, lambda done_s: say("the whole way", done_s / seconds))
    live = trial.live(seconds, lambda done_s: say("as if live", done_s / seconds))
    limit_fps = 1000 * trial.cores / (decode.cpu_ms + network.cpu_ms)
    share = {"limit_fps": round(limit_fps, 2), "of_limit": round(whole.speed.fps / limit_fps, 3)}
    return {
        "machine": {"cores": trial.cores, "memory_bytes": memory_bytes(), "engine": dict(trial.fingerprint)},
        "versions": versions(),
        "profile": loaded.settings.profile,
        "model": {"name": trial.name, "digest": trial.digest, "input": list(trial.input_shape), "at_once": trial.workers},
        "video": {"codec": trial.stream.codec, "width": trial.stream.width, "height": trial.stream.height},
        "decode": _speed(decode),
        "network": _speed(network),
        "whole": {**_speed(whole.speed), **share, "stages": _stages(whole)},
        "live": {**_speed(live.speed), "detection_fps": trial.detection_fps, "dropped": live.dropped, "stages": _stages(live)},
    }


def _speed(speed: Speed) -> dict[str, float]:
    return {"frames": speed.frames, "fps": round(speed.fps, 2), "cpu_ms": round(speed.cpu_ms, 2), "cores": round(speed.cores, 2)}


def _stages(way: Way) -> dict[str, dict[str, float]]:
    percentiles = way.stages.items()
    return {name: {"p50_ms": round(p.p50_ms, 2), "p95_ms": round(p.p95_ms, 2), "p99_ms": round(p.p99_ms, 2)} for name, p in percentiles}


def _show(found: dict[str, Any], file: Path | None) -> None:
    video, model = found["video"], found["model"]
    console = Console(highlight=False)
    height, width = model["input"]
    console.print(f"{file or 'a rendered street'}: {video['codec']} {video['width']}x{video['height']}")
    console.print(f"model {model['name']} at {width}x{height}, {model['at_once']} frame(s) at once")
    table = Table()
    for heading in ("", "frames/s", "CPU ms a frame"):
        table.add_column(heading, justify="right" if heading else "left")
    rows = {"decode": "decoding alone", "network": "the network alone", "whole": "the whole way, packets to events"}
    for key, words in rows.items():
        table.add_row(words, f"{found[key]['fps']:.1f}", f"{found[key]['cpu_ms']:.1f}")
    console.print(table)
    share, cores = 100 * found["whole"]["of_limit"], found["machine"]["cores"]
    console.print(f"The whole way has {share:.0f} % of what decoding and the network leave room for on {cores} core(s).")
    console.print(_late(found["live"]))


def _late(live: dict[str, Any]) -> str:
    late = live["stages"].get("capture_to_result")
    if late is None:
        return "As if live, no frame was looked at in that time: try more --seconds."
    fates = f"{live['fps']:.1f} of {live['detection_fps']:g} frames/s looked at, {live['dropped']} dropped, {live['cores']:.1f} cores"
    return f"As if live: {fates}; from capture to result p50 {late['p50_ms']:.0f} ms, p95 {late['p95_ms']:.0f}, p99 {late['p99_ms']:.0f}"
