"""`vedette batch`: hours of recordings to one document each, on all cores or on many machines, resumed wherever it was cut."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from contracts.errors import ConfigError, VedetteError
from contracts.shown import shown
from device.batch.batching import batch
from device.batch.correction import correct_start
from device.batch.directory import INDEX, write_index
from device.batch.films import Asked, Film
from device.batch.local import LocalRunner
from device.batch.naming import named
from device.batch.recipe import Recipe, recipe_of
from device.batch.runner import Runner
from device.capture.beginning import to_ns
from device.capture.file import FileSource
from device.clock import Clock, SystemClock
from device.commands.arguments import add_config, load_from, seconds
from device.commands.replay import camera_of, folders_of, parse_start, readable
from device.config import Loaded, merge
from device.replaying import alone_in
from device.scrub import scrub

ENDINGS = {".mkv", ".mp4", ".avi", ".mov", ".m4v", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv"}
SESSIONS = ("stream", "practice", "casual")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--video", type=Path, action="append", default=[], metavar="F", help="a recording; as often as you like")
    parser.add_argument("--video-dir", type=Path, action="append", default=[], metavar="D", help="all recordings in this folder and below")
    parser.add_argument("--start-time", metavar="T", help="when it began, e.g. 2026-11-22T08:00:00Z (default: what the file says)")
    parser.add_argument("--session-type", choices=SESSIONS, default="", help="what sort of session it was; goes into the document")
    parser.add_argument("--output", type=Path, default=Path("batch-output"), metavar="O", help="folder of documents, thumbnails, directory")
    parser.add_argument("--detection-fps", type=_fps, metavar="N", help="pictures looked at a second (default: the profile's, else 10)")
    parser.add_argument("--confidence-threshold", type=_part, metavar="C", help="detections below are left out (default: the profile's)")
    parser.add_argument("--strict-time", action="store_true", help="refuse recordings of which only the file's time says when they began")
    add_config(parser)
    parser.add_argument("--camera", metavar="NAME", help="whose zones and options count (default: the only one configured, else `file`)")
    parser.add_argument("--workers", type=_workers, default=0, metavar="N", help="processes on this machine (default: one a core)")
    parser.add_argument("--segment-s", type=seconds, metavar="SECONDS", help="length of a unit of work (default: 4 to 60 by length)")
    parser.add_argument("--again", action="store_true", help="also what is finished already, from the beginning")
    parser.add_argument("--replace", action="store_true", help="also a document that a person reviewed; it is set aside in O/earlier")
    parser.add_argument("--cluster", metavar="ADDRESS", help="look on the machines of this dask cluster, e.g. tls://10.0.0.5:8786")
    for part, words in (("ca", "the authority both sides trust"), ("cert", "this machine's certificate"), ("key", "its private key")):
        parser.add_argument(f"--cluster-{part}", type=Path, metavar="PEM", help=f"with --cluster tls://...: {words}")
    parser.add_argument("--correct-start", type=Path, metavar="LOG", help="only move a finished document's times to --start-time")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, and nothing else")


def run(args: argparse.Namespace) -> int:
    if args.correct_start:
        return _correct(args)
    clock = SystemClock()
    loaded = loaded_for(args)
    recipe = recipe_of(loaded, camera_of(loaded, args.camera), clock)
    asked = Asked(args.output, args.session_type, args.segment_s, args.strict_time, args.again, args.replace)
    films = _films(args, recipe, asked, clock)
    summary = _run(args, films, asked, _runner(args, recipe), clock)
    if args.json:
        print(json.dumps(summary), flush=True)
    else:
        _show(summary, args.output)
    return 1 if summary["failed"] else 0


def _correct(args: argparse.Namespace) -> int:
    start = parse_start(args.start_time, "--start-time")
    if start is None:
        raise ConfigError("--correct-start: to which time? Say --start-time, e.g. --start-time 2026-11-22T08:00:00Z")
    folder = args.correct_start.parent
    with alone_in(folder):
        shift = correct_start(args.correct_start, to_ns(start)).total_seconds()
        if (folder / INDEX).is_file():
            write_index(folder)
    said = {"document": str(args.correct_start), "moved_s": shift}
    print(json.dumps(said) if args.json else f"{args.correct_start}: moved by {shift:+.6f} s")
    return 0


def loaded_for(args: argparse.Namespace) -> Loaded:
    """The configuration with what the options say over it."""
    loaded = load_from(args)
    more: dict[str, Any] = {}
    if args.detection_fps:
        more["detection_fps"] = args.detection_fps
        own = [name for name, camera in loaded.settings.cameras.items() if camera.detection_fps]
        more["cameras"] = {name: {"detection_fps": args.detection_fps} for name in own}
    if args.confidence_threshold is not None:
        stages = thresholds(loaded)
        if not stages:
            raise ConfigError("--confidence-threshold: no stage of this profile that looks at the picture has min_confidence; leave it out")
        more["pipeline"] = {name: {"min_confidence": args.confidence_threshold} for name in stages}
    return load_from(args, merge({}, more)) if more else loaded


def thresholds(loaded: Loaded) -> list[str]:
    """The stages that detect, by name."""
    kinds: Mapping[str, tuple[type, Any]] = loaded.stages
    return [
        name
        for name, (cls, options) in kinds.items()
        if getattr(cls, "frame_only", False) is True and "min_confidence" in type(options).model_fields
    ]


def _films(args: argparse.Namespace, recipe: Recipe, asked: Asked, clock: Clock) -> list[Film]:
    paths = [*args.video, *(path for folder in args.video_dir for path in videos_in(folder))]
    if not paths:
        raise ConfigError("which recordings? Say --video FILE or --video-dir FOLDER")
    start = parse_start(args.start_time, "--start-time")
    if start is not None and len(set(paths)) > 1:
        raise ConfigError("--start-time: is that of one recording; give each its own run, or leave it out where the files say it")
    films = []
    for path, name in named(folders_of(paths), asked.out, clock).items():
        film = Film(FileSource(recipe.camera, FileSource.Options(path=path, start=start), clock), name, recipe, asked, clock)
        try:
            readable(path)
            film.seconds = film.source.facts()[0] or 0.0
        except VedetteError as error:
            film.failed = scrub(str(error))
        films.append(film)
    return films


def videos_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(f"--video-dir {folder}: is not a folder; correct it")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    if not found:
        raise ConfigError(f"--video-dir {folder}: holds no recordings ({', '.join(sorted(ENDINGS))}); name another folder")
    return found


def _runner(args: argparse.Namespace, recipe: Recipe) -> Runner:
    if args.cluster:
        try:
            from device.batch.cluster import Cluster
            from device.batch.dask_runner import DaskRunner
        except ImportError as error:
            raise ConfigError(f"--cluster: {error.name} is not installed here; install the `cluster` packages") from error
        return DaskRunner(recipe.text(), Cluster(args.cluster, args.cluster_ca, args.cluster_cert, args.cluster_key))
    return LocalRunner(recipe.text(), args.workers or len(os.sched_getaffinity(0)))


def _run(args: argparse.Namespace, films: Sequence[Film], asked: Asked, runner: Runner, clock: Clock) -> dict[str, Any]:
    console = Console(stderr=True, quiet=args.json)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[speed]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    began_ns = clock.mono_ns()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal or args.json) as bar:
        task = bar.add_task(f"{len(films)} recordings", total=sum(film.seconds for film in films), speed="")

        def on_progress(media_s: float) -> None:
            bar.update(task, completed=media_s, speed=f"{media_s / max(1e-3, (clock.mono_ns() - began_ns) / 1e9):.1f}x")

        def on_film(film: Film) -> None:
            bar.update(task, description=f"{sum(each.ready or bool(each.failed) for each in films)} of {len(films)} recordings")
            if not args.json:
                bar.console.print(_words(film), highlight=False, markup=False, soft_wrap=True)  # a line a recording, also in a pipe

        return batch(films, asked, runner, clock, on_progress=on_progress, on_film=on_film)


def _words(film: Film) -> str:
    path, document = _path(film.source.path), _path(film.document)
    if film.failed:
        return f"{path}: failed: {shown(film.failed)}"
    if not film.fresh:
        return f"{path}: finished before, {document}"
    counts = film.counts
    fates = f"{counts['offered']} samples: {counts['analysed']} analysed, {counts['gated']} gated, {counts['dropped']} dropped"
    aside = f"; what was there is now {_path(film.aside)}" if film.aside else ""
    return f"{path}: {film.events} events; {fates}; {document}{aside}"


def _path(path: object) -> str:
    """On one line of a terminal."""
    return shown(str(path)).replace("\n", "\\n")


def _show(summary: Mapping[str, Any], out: Path) -> None:
    table = Table(title=Text(_path(out)), title_justify="left")
    for column in ("recording", "length", "events", "holes"):
        table.add_column(column, justify="left" if column == "recording" else "right")
    for row in summary["recordings"]:
        name = Text(_path(row["video_path"]))
        if "error" in row:
            table.add_row(name, "", "failed", "")
            continue
        events = ", ".join(f"{count} {kind}" for kind, count in row["events"].items()) or "none"
        table.add_row(name, f"{row['video_duration_seconds']:.1f} s", events, str(row["holes"]))
    Console(file=sys.stdout).print(table)
    speed = summary["video_duration_seconds"] / max(1e-3, summary["seconds"])
    print(f"{summary['video_duration_seconds']:.1f} s of video in {summary['seconds']:.1f} s ({speed:.1f}x); {summary['failed']} failed")


def _fps(text: str) -> float:
    value = seconds(text)
    if value > 120:
        raise argparse.ArgumentTypeError(f"{text!r} is more than 120 pictures a second")
    return value


def _part(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def _workers(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes from 1 to 256")
    return int(text)
