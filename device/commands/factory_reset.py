"""`vedette factory-reset`: the box as it came: without owner, password, settings, keys and pushed models; recordings too, if wanted."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from contracts.errors import ConfigError, StorageError
from device.clock import SystemClock
from device.commands.arguments import add_config, seconds, settled
from device.config import Loaded
from device.record.tenancy import alone, running
from device.setup import reset

WAIT_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--keep-recordings", action="store_true", help="clips, sessions, pictures, training data and event logs stay")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--timeout", type=seconds, default=120, metavar="SECONDS", help="how long a running box may take (default 120)")


def run(args: argparse.Namespace) -> int:
    loaded = settled(args)
    data, box = loaded.settings.data, loaded.settings.device_id
    if not data.is_dir():
        raise ConfigError(f"{data}: is not there, so there is nothing to reset; see --config and `data`")
    print(_plan(loaded, args.keep_recordings), flush=True)
    if not args.yes:
        _sure(box)
    reset.order(data, args.keep_recordings)
    if running(data):
        _by_the_box(data, args.timeout)
    else:
        with alone(data) as free:
            if not free or not reset.finish(data):
                raise StorageError(f"{data}: a box was started meanwhile; it does the reset now, ask `vedette doctor`")
    print(f"{box} is as it came. Start it, and open /setup on its page.")
    return 0


def _plan(loaded: Loaded, keep: bool) -> str:
    data, settings = loaded.settings.data, loaded.settings
    gone = "settings of the page, its password, the box's key, credentials, pushed models and revisions, events that wait for a broker"
    recorded = "clips, sessions, pictures, training data and event logs"
    outside = [path for path in (settings.export.dir, settings.recording and settings.recording.output_dir) if path and path.is_absolute()]
    kept = ["/etc/vedette and the service's credentials", *(str(path) for path in outside if not path.is_relative_to(data))]
    kept += [str(path) for path in sorted(data.iterdir()) if path.is_symlink()]
    return "\n".join(
        [
            f"Removed from {data}: {gone}{'' if keep else ', ' + recorded}.",
            f"Kept: {recorded + '; ' if keep else ''}{', '.join(kept)}.",
            "Nothing is written over: what was on the disk can be read from it with the right tools.",
        ]
    )


def _sure(box: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("nothing is reset without a yes: say --yes, or ask at a terminal")
    try:
        answer = input(f"This cannot be undone. Type the name of the box ({box}) to go on: ").strip()
    except EOFError:
        answer = ""
    if answer != box:
        raise ConfigError("that is not its name; nothing was reset")


def _by_the_box(data: Path, timeout_s: float) -> None:
    """It sees the order, ends in order, and finishes it at its start."""
    print("The box is running: it is asked to reset itself.", flush=True)
    clock = SystemClock()
    end_ns = clock.mono_ns() + int(timeout_s * 1e9)
    while reset.ordered(data):
        if clock.mono_ns() > end_ns:
            raise StorageError(f"{data}: the box did not finish in {timeout_s:g} s; see its journal. It goes on at its next start")
        threading.Event().wait(WAIT_S)
