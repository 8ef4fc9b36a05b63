"""`vedette ship`: training data into a folder, for a box without a network; what the trainer left there is read on the way back."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from contracts.errors import ConfigError, VedetteError
from contracts.wire import utc_from_ns
from dataset.offer import Offer
from dataset.packing import Packed, Packing
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="an existing folder, e.g. where a USB stick is mounted")
    parser.add_argument("--dataset", type=Path, metavar="FOLDER", help="the data set (default: the one this box writes)")
    parser.add_argument("--everything", action="store_true", help="from the beginning, also what a trainer has already")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    if not args.to.is_dir():
        raise ConfigError(f"--to {args.to}: is not a folder; plug the stick in and mount it, or make the folder")
    settings = load_from(args).settings
    place = args.dataset or settings.export.dir or settings.data / "dataset"
    report = Packed()
    packing = Packing(Offer(place, settings.device_id, "dataset"), args.to, report)
    try:
        packing.collect(utc_from_ns(SystemClock().wall_ns()))
        packing.pack(args.everything, _show)
    except VedetteError:
        _tell(report, packing.crate.root, as_json=args.json)
        raise
    _tell(report, packing.crate.root, as_json=args.json)
    return 0


def _show(done: int, end: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{100 * done // end} % of the manifest", end="" if done < end else "\n", file=sys.stderr, flush=True)


def _tell(report: Packed, root: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**asdict(report), "folder": str(root)}))
        return
    print(f"{report.pages} pages with {report.records} records and {report.pictures} pictures ({report.bytes / 1e6:.1f} MB) in {root}")
    for count, words in (
        (report.there, "pages were there already"),
        (report.acknowledged, "pages are with a trainer now, as it says in the folder: they may be removed when room is needed"),
        (report.refused, "acknowledgements in the folder are not of this data set, or damaged; they count for nothing"),
        (report.gone, "pictures were removed on this box before they could be shipped"),
    ):
        if count:
            print(f"{count} {words}")
