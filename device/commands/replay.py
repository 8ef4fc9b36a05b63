"""`vedette replay FILE...`: recorded files through the pipeline of the box, one event log each."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from contracts.errors import ConfigError, VedetteError
from contracts.event import Event
from device.capture.file import FileSource
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from
from device.config import Loaded
from device.replaying import Replayed, replay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings: MKV, MP4, AVI")
    add_config(parser)
    parser.add_argument("--camera", metavar="NAME", help="whose zones and options count (default: the only one configured, else `file`)")
    parser.add_argument("--start", metavar="TIME", help="when the recording began, e.g. 2026-11-22T08:00:00Z (default: what the file says)")
    parser.add_argument("--output", type=Path, default=Path("replay-output"), metavar="DIR", help="one folder a file goes here")
    parser.add_argument("--keep", action="store_true", help="keep clips and pictures of the events too")
    parser.add_argument("--json", action="store_true", help="print the result of each file as a line of JSON, and nothing else")


def run(args: argparse.Namespace) -> int:
    loaded = load_from(args)
    camera = args.camera or _only(loaded)
    codes = [_one(args, loaded, camera, path) for path in args.files]
    return max(codes)


def _only(loaded: Loaded) -> str:
    names = list(loaded.settings.cameras)
    if len(names) > 1:
        raise ConfigError(f"--camera: which of {', '.join(names)} is it? Say --camera NAME")
    return names[0] if names else "file"


def _one(args: argparse.Namespace, loaded: Loaded, camera: str, path: Path) -> int:
    """A file that fails is said and the next one goes on."""
    try:
        source = FileSource(camera, FileSource.Options(path=path, start=args.start), SystemClock())
        length_s, _ = source.facts()
        out = args.output / path.stem
        out.mkdir(parents=True, exist_ok=True)
        replayed = _play(args, loaded, source, out, length_s)
    except VedetteError as error:
        print(json.dumps({"file": str(path), "error": str(error)}) if args.json else f"{path}: {error}", file=_to(args))
        return 1
    print(json.dumps({"file": str(path), **_plain(replayed)}) if args.json else _words(path, replayed))
    return 0


def _to(args: argparse.Namespace) -> Any:
    return sys.stdout if args.json else sys.stderr


def _play(args: argparse.Namespace, loaded: Loaded, source: FileSource, out: Path, length_s: float | None) -> Replayed:
    console = Console(stderr=True, quiet=args.json)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    clock = SystemClock()
    began_ns = clock.mono_ns()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal or args.json) as bar:
        task = bar.add_task(source.path.name, total=length_s, speed="")

        def on_progress(media_s: float) -> None:
            speed = media_s / max(1e-3, (clock.mono_ns() - began_ns) / 1e9)
            bar.update(task, completed=media_s, speed=f"{speed:.1f}x")

        def on_event(event: Event) -> None:
            if not args.json and event.life != "update":
                bar.console.print(_line(event), highlight=False)

        return replay(loaded, source, out, clock, keep=args.keep, on_progress=on_progress, on_event=on_event)


def _line(event: Event) -> str:
    zones = f" in {', '.join(event.zones)}" if event.zones else ""
    word = "appears" if event.life == "new" else "is gone"
    return f"  {event.pts_ns / 1e9:9.3f} s  {event.label} {event.track} {word}{zones} ({event.confidence:.2f})"


def _plain(replayed: Replayed) -> dict[str, Any]:
    return {**asdict(replayed), "log": str(replayed.log), "holes": list(replayed.holes)}


def _words(path: Path, r: Replayed) -> str:
    fates = f"{r.offered} samples: {r.analysed} analysed, {r.gated} gated, {r.dropped} dropped"
    holes = "".join(f"\n  hole: {hole}" for hole in r.holes)
    return f"{path}: {r.events} events; {fates}; {r.media_s:.1f} s of video in {r.seconds:.1f} s\n  log: {r.log}{holes}"
