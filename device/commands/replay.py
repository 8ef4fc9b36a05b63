"""`vedette replay FILE...`: recorded files through the pipeline of the box, one event log each."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from contracts.errors import ConfigError, HardwareError
from contracts.event import Event
from device.batch.naming import harmless
from device.batch.verify import verified
from device.capture.beginning import LAST_YEAR
from device.capture.file import FileSource
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from
from device.config import Loaded
from device.problems import meant
from device.replaying import Replayed, replay
from device.scrub import scrub

FIRST_YEAR = 1970


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recordings: MKV, MP4, AVI")
    add_config(parser)
    parser.add_argument("--camera", metavar="NAME", help="whose zones and options count (default: the only one configured, else `file`)")
    parser.add_argument("--start", metavar="TIME", help="when the recording began, e.g. 2026-11-22T08:00:00Z (default: what the file says)")
    parser.add_argument("--output", type=Path, default=Path("replay-output"), metavar="DIR", help="one folder a file goes here")
    parser.add_argument("--keep", action="store_true", help="keep clips and pictures of the events too")
    parser.add_argument("--json", action="store_true", help="print the result of each file as a line of JSON, and nothing else")
    parser.add_argument("--verify", type=Path, metavar="LOG", help="run the recording of this log again: is it the same?")
    parser.add_argument("--video", type=Path, metavar="FILE", help="with --verify: where the recording is now (default: as the log says)")


def run(args: argparse.Namespace) -> int:
    if args.verify:
        return _verify(args)
    if not args.files:
        raise ConfigError("which recordings? Name them, or a log with --verify")
    start = parse_start(args.start, "--start")
    loaded = load_from(args)
    camera = camera_of(loaded, args.camera)
    folders = folders_of(args.files)
    codes = [_one(args, loaded, FileSource.Options(path=path, start=start), camera, args.output / folders[path]) for path in folders]
    return max(codes)


def _verify(args: argparse.Namespace) -> int:
    loaded = load_from(args)
    verdict = verified(args.verify, loaded, camera_of(loaded, args.camera), SystemClock(), args.video)
    said = json.dumps({"log": str(args.verify), **asdict(verdict)}) if args.json else f"{args.verify}: {verdict}"
    print(said, flush=True)
    return 0 if verdict.identical else 1


def parse_start(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        start: datetime = TypeAdapter(datetime).validate_python(text)
    except ValidationError:
        raise ConfigError(f"{option} {text}: is not a time; write for example {option} 2026-11-22T08:00:00Z") from None
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise ConfigError(f"{option} {text}: is not in the years {FIRST_YEAR} to {LAST_YEAR}; correct it")
    return start


def camera_of(loaded: Loaded, asked: str | None) -> str:
    """Whose zones and options count."""
    names = list(loaded.settings.cameras)
    if asked and names and asked not in names:
        raise ConfigError(f"--camera {asked}: no camera of that name is configured; {meant(asked, names)}")
    if not asked and len(names) > 1:
        raise ConfigError(f"--camera: which of {', '.join(names)} is it? Say --camera NAME")
    return asked or (names[0] if names else "file")


def folders_of(files: Sequence[Path]) -> dict[Path, str]:
    """Each file once, with a folder of its own: its name without the ending, with it, or numbered where several would share one."""
    files = list(dict.fromkeys(files))
    found: dict[Path, str] = {}
    for path in files:
        shared = sum(other.stem == path.stem for other in files) > 1
        name = wanted = harmless(path.name if shared else path.stem)
        number = 1
        while name in found.values():
            number += 1
            name = f"{wanted}-{number}"
        found[path] = name
    return found


def _one(args: argparse.Namespace, loaded: Loaded, options: FileSource.Options, camera: str, out: Path) -> int:
    """A file that fails is said and the next one goes on; what is wrong with the box or the disk ends the command."""
    try:
        readable(options.path)
        source = FileSource(camera, options, SystemClock())
        length_s, _ = source.facts()
        replayed = _play(args, loaded, source, out, length_s)
    except HardwareError as error:
        said = {"file": str(options.path), "error": scrub(str(error))}
        print(json.dumps(said) if args.json else said["error"], file=_to(args), flush=True)
        return 1
    print(json.dumps({"file": str(options.path), **_plain(replayed)}) if args.json else _words(options.path, replayed), flush=True)
    return 0


def readable(path: Path) -> None:
    """What FFmpeg would say of a missing file or a folder, in words that fit the command."""
    try:
        if path.is_dir():
            raise HardwareError(f"{path} is a folder; name a recording, or a folder of them with `vedette batch --video-dir`")
        if not path.is_file():
            path.stat()
            raise HardwareError(f"{path} is not a file; name a recording")  # a pipe or a device would be waited for
        with path.open("rb") as file:
            if not file.read(1):
                raise HardwareError(f"{path} is empty; record it again")
    except OSError as error:
        raise HardwareError(f"{path} cannot be read: {error.strerror}; correct the name or its rights") from error


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
                bar.console.print(_line(event), highlight=False, markup=False)

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
