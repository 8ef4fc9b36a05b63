"""`vedette clips check` and `reindex`: whether what is on the disk is what was recorded, and the index anew."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from itertools import groupby

from contracts.errors import ConfigError
from contracts.shown import shown
from device.commands.clips_open import Recordings, opened, progress
from device.record.checkup import Checkup, Report
from device.record.faults import MENDS, Fault
from device.record.tenancy import alone

SHOWN = 20  # of a kind


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="names and sizes only: do not read every video to compare its hash")
    parser.add_argument("--mend", action="store_true", help="put right what can be; no footage is deleted; not while an appliance runs")
    parser.add_argument("--all", action="store_true", help=f"print every finding, not the first {SHOWN} of a kind")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def add_reindex(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--adopt", action="store_true", help="the recordings on this disk are this box's from now on, whoever made them")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def check(args: argparse.Namespace) -> int:
    if args.mend:
        return _check_and_mend(args)
    with opened(args) as recordings:
        report = _checked(args, recordings)
        return _told(args, report, [])


def _check_and_mend(args: argparse.Namespace) -> int:
    from device.record.mend import mend

    with opened(args, changes=True) as recordings, alone(recordings.data) as free:
        if not free:
            raise ConfigError(f"data folder {recordings.data}: an appliance is recording there; stop it before anything is mended")
        report = _checked(args, recordings)
        failed = mend(recordings.data, report.faults)
        recordings.index.catch_up(anew=True)
        lasting = {fault.path: why for fault, why in failed}
        left = Checkup(recordings.data, recordings.index, recordings.clock, quick=True).run()
        left.faults += [fault for fault, _ in failed if fault.kind in {"wrong hash", "cannot be read"}]
        left.hashed = report.hashed
        if not args.json:
            _print(report.faults, all_=args.all)
            gone = sum(fault.damage for fault in report.faults) - sum(fault.damage for fault in left.faults)
            print(f"mended: {max(0, gone)}", file=sys.stderr)
        return _told(args, left, [f"{path}: {why}" for path, why in lasting.items()], before=report)


def _checked(args: argparse.Namespace, recordings: Recordings) -> Report:
    with progress("comparing", "bytes", quiet=args.json) as told:
        checkup = Checkup(recordings.data, recordings.index, recordings.clock, quick=args.quick, running=recordings.running)
        report = checkup.run(told)
    if recordings.disk.id and (reason := recordings.disk.fault()):
        report.faults.append(Fault("foreign" if args.data else "disk", "disk.json", reason))  # who names a folder knows it is another's
    if recordings.index.file.report:
        report.faults.append(Fault("index", "index.sqlite", recordings.index.file.report))
    return report


def _told(args: argparse.Namespace, report: Report, failed: list[str], before: Report | None = None) -> int:
    if args.json:
        found = {"ok": not report.damaged, "clips": report.clips, "bytes": report.bytes, "hashed": report.hashed}
        mended = {"found": [fault.plain() for fault in before.faults]} if before else {}
        print(json.dumps({**found, **mended, "faults": [fault.plain() for fault in report.faults], "not_mended": failed}, indent=1))
        return 1 if report.damaged else 0
    if before is None:
        _print(report.faults, all_=args.all)
    elif report.damaged:
        print("still:")
        _print([fault for fault in report.faults if fault.damage], all_=args.all)
    for words in failed:
        print(f"not mended: {words}")
    damaged = sum(fault.damage for fault in report.faults)
    hashed = f", {report.hashed} hashes right" if report.hashed or not args.quick else ", hashes not looked at"
    verdict = f"{damaged} damaged" if damaged else "nothing is damaged"
    print(f"{report.clips} clips, {report.bytes / 1e9:.2f} GB{hashed}; {verdict}", file=sys.stderr)
    return 1 if damaged else 0


def _print(faults: list[Fault], *, all_: bool) -> None:
    """By kind, damage first; of each kind the first few."""
    order = sorted(faults, key=lambda fault: (not fault.damage, fault.kind, fault.path))
    for (damage, kind), group in groupby(order, key=lambda fault: (fault.damage, fault.kind)):
        same = list(group)
        for fault in same if all_ else same[:SHOWN]:
            print(shown(f"{'DAMAGE ' if damage else 'note   '} {kind}: {fault.path}{fault.text and ': ' + fault.text}"))
        if not all_ and len(same) > SHOWN:
            print(f"         ... and {len(same) - SHOWN} more; --all prints them")
        if damage and kind in MENDS:
            print(f"         -> --mend: {MENDS[kind]}")


def reindex(args: argparse.Namespace) -> int:
    with opened(args, changes=True) as recordings:
        if args.adopt:
            with alone(recordings.data) as free:
                if not free:
                    raise ConfigError(f"data folder {recordings.data}: an appliance runs there; stop it before its disk is adopted")
                recordings.disk.adopt()
        with progress("index", "folders", quiet=args.json) as told:
            scan = recordings.index.catch_up(told=told, anew=True)
        totals = recordings.index.totals()
        count = sum(number for number, _ in totals.values())
        broken = dict(sorted(recordings.index.broken.items()))
    if args.json:
        print(json.dumps({"clips": count, "folders": scan.read, "read": scan.put, "dropped": scan.dropped, "broken": broken}))
    else:
        print(f"{count} clips in {scan.read} folders; {scan.put} manifests read, {scan.dropped} rows dropped")
        kinds = Counter(broken.values())
        print(shown("".join(f"not read: {path}: {why}\n" for path, why in list(broken.items())[:SHOWN])), end="", file=sys.stderr)
        if sum(kinds.values()):
            print("run `vedette clips check`", file=sys.stderr)
    return 0
