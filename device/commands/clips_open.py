"""The recordings that a `vedette clips` command is about: the data folder, its index, and whether an appliance runs on it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from contracts.errors import ConfigError
from device.clock import Clock, SystemClock
from device.commands.arguments import add_config, load_from
from device.record import index_rows, tenancy
from device.record.catalog import StoredClip
from device.record.disk import DataDisk
from device.record.index import Index
from device.record.index_rows import Entry
from device.record.index_scan import Told
from device.record.manifests import Manifests


@dataclass(frozen=True, slots=True)
class Recordings:
    data: Path
    index: Index
    disk: DataDisk
    clock: Clock
    running: bool


def add_place(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="the data folder, where it is not the configuration's: a disk from elsewhere"
    )


def add_ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="the beginning of a clip's id, as `ls` shows it, or its video's path")


@contextmanager
def opened(args: argparse.Namespace, *, changes: bool = False) -> Iterator[Recordings]:
    """With the index in line: kept so by the appliance if one runs, else brought up to date here. Who only reads makes no files
    where there are none."""
    settings = load_from(args).settings
    data = args.data or settings.data
    if not data.is_dir():
        raise ConfigError(f"data folder {data}: is not there; correct `data` in device.yaml, or say --data FOLDER")
    clock = SystemClock()
    disk = DataDisk(data, clock, device=settings.device_id, software=version("vedette"), mount=settings.storage.mount)
    disk.begin(name=changes)
    index = Index(data, disk, clock)
    running = tenancy.running(data)
    try:
        if not (running and index.believe()):
            with progress("index", "folders", quiet=getattr(args, "json", False)) as told:
                index.catch_up(told=told)
        yield Recordings(data, index, disk, clock, running)
    finally:
        index.close()


@contextmanager
def progress(words: str, unit: str, *, quiet: bool = False) -> Iterator[Told]:
    """A bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn(f"{{task.percentage:>3.0f}} % of {unit}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def named(recordings: Recordings, ids: Sequence[str]) -> list[Entry]:
    """One clip for each; ConfigError when it is none or several."""
    found: dict[str, Entry] = {}
    for text in ids:
        matching = index_rows.matching(recordings.index.file, text)
        if not matching:
            raise ConfigError(f"clip {text}: there is none; `vedette clips ls` lists them")
        if len({entry.id for entry in matching}) > 1:
            raise ConfigError(f"clip {text}: begins {len(matching)} ids; write more of it")
        found |= {entry.video: entry for entry in matching}
    return list(found.values())


def with_manifests(recordings: Recordings, entries: Sequence[Entry]) -> list[StoredClip]:
    """ConfigError for one whose manifest cannot be read."""
    manifests = Manifests(recordings.data)
    found = []
    for entry in entries:
        clip = manifests.read(entry.video)
        if clip is None:
            raise ConfigError(f"{entry.video}: its manifest cannot be read; run `vedette clips check`")
        found.append(StoredClip(clip, entry.video))
    return found
