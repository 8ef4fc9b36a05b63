"""vedette-trainer fetch: takes in what boxes offer, over the network or out of a folder."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from contracts.errors import ConfigError, HardwareError, VedetteError
from contracts.shown import shown
from trainer.receive import Receiver
from trainer.receive_box import Box
from trainer.receive_folder import folder_boxes
from trainer.receive_http import HttpBox
from trainer.receive_report import Quiet, Report

SUMMARY = "fetch training data from boxes (http://box:8088) or from a folder, e.g. a USB stick"
TOKEN = "VEDETTE_EXPORT_TOKEN"  # noqa: S105  the variable's name
LARGEST_TOKEN = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="+", help="address of a box's page, or a folder that `vedette ship` wrote to")
    parser.add_argument("--into", type=Path, required=True, help="the data set that takes it in; made when it is not there")
    parser.add_argument("--token-file", type=Path, help=f"file with the box's page.export_token (or set {TOKEN})")
    parser.add_argument("--ca", type=Path, help="who signed the box's certificate, PEM, where the system does not know it")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this data set of the box alone; may be repeated")
    parser.add_argument("--parallel", type=int, default=4, help="pictures fetched at a time (default: 4)")
    parser.add_argument("--follow", action="store_true", help="go on asking for what is new until stopped")
    parser.add_argument("--every", type=float, default=30.0, metavar="SECONDS", help="how often with --follow (default: 30)")
    parser.add_argument("--again", action="store_true", help="from the beginning, where a box's data set is no longer what it was")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


class Shown:
    """A bar with speed and time left, where somebody looks."""

    def __init__(self, bars: Bars) -> None:
        self._bars, self._lock, self._bytes = bars, threading.Lock(), 0
        self._began, self._box = time.monotonic(), ""
        self._task = bars.add_task("", total=1.0, speed="")

    def came(self, count: int) -> None:
        with self._lock:
            self._bytes += count
            speed = self._bytes / max(0.001, time.monotonic() - self._began) / 1e6
        self._bars.update(self._task, speed=f"{self._bytes / 1e6:.1f} MB, {speed:.1f} MB/s")

    def at(self, box: str, done: float) -> None:
        if box != self._box:
            self._box = box
            self._bars.reset(self._task, description=box, speed="")
        self._bars.update(self._task, completed=done)


def run(args: argparse.Namespace) -> int:
    if not 1 <= args.parallel <= 64:
        raise ConfigError(f"--parallel {args.parallel}: is from 1 to 64")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    token = read_token(args.token_file)
    report = Report()
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn()
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        shown = Shown(bars) if console.is_terminal else Quiet()
        receiver = Receiver(args.into, parallel=args.parallel, progress=shown, stop=stop)
        failed = rounds(receiver, args, token, stop, report)
    tell(report, failed, as_json=args.json)
    return 1 if failed or report.unacknowledged else 0


def rounds(receiver: Receiver, args: argparse.Namespace, token: str | None, stop: threading.Event, report: Report) -> list[str]:
    """Each source in turn; one that fails does not keep the others from being fetched. What went wrong in the last round."""
    again = args.again
    while True:
        failed = []
        for source in args.source:
            try:
                for box in boxes(source, token, args):
                    try:
                        receiver.round(box, report, again=again, only=args.only)
                    finally:
                        box.close()
            except HardwareError as error:
                failed.append(str(error))
            except VedetteError as error:
                if not args.follow and len(args.source) == 1:
                    tell(report, [], as_json=args.json)
                    raise
                failed.append(str(error))
        again = False
        if not args.follow or stop.wait(args.every):
            return failed
        for line in failed:
            print(shown(line), file=sys.stderr, flush=True)


def boxes(source: str, token: str | None, args: argparse.Namespace) -> list[Box]:
    if "://" in source:
        if source.startswith("http://") and token and not is_here(source):
            print(f"{source}: the token can be read by everybody on the way; give the box a certificate (page.tls_cert)", file=sys.stderr)
        return [HttpBox(source, token, ca=args.ca, parallel=args.parallel)]
    return list(folder_boxes(Path(source)))


def is_here(url: str) -> bool:
    host = url.removeprefix("http://").rstrip("/").rpartition(":")[0] or url
    return host in {"127.0.0.1", "localhost", "[::1]"}


def read_token(path: Path | None) -> str | None:
    """Never from the command line, which every user of this machine can read."""
    if path is None:
        return os.environ.get(TOKEN) or None
    try:
        with path.open("rb") as file:
            token = file.read(LARGEST_TOKEN).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--token-file {path}: cannot be read ({error}); put the box's page.export_token into it, one line") from error
    if not token or not token.isprintable():
        raise ConfigError(f"--token-file {path}: holds no token; put the box's page.export_token into it, one line")
    return token


def tell(report: Report, failed: list[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**asdict(report), "failed": failed}))
        return
    print(f"{report.records} records and {report.pictures} pictures ({report.bytes / 1e6:.1f} MB) came, {report.known} were here")
    for count, words in (
        (report.gone, "records are of pictures that their box had removed already"),
        (report.removed, "pictures were removed by their box; ours stay"),
        (report.damaged, "lines are damaged on the box and were left out"),
        (report.unacknowledged, f"pages are here, but the box could not be told: {report.why}"),
    ):
        if count:
            print(shown(f"{count} {words}"))
    for line in failed:
        print(shown(line), file=sys.stderr)
