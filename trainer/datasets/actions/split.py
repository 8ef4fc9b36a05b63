"""`dataset split`: which recordings are trained on, chosen by and judged by, once for all."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import ConfigError
from contracts.split import SIDES, Fractions
from contracts.wire import utc_from_ns
from dataset.commands import shared
from dataset.prepare import parse_shares
from trainer.datasets.split_file import read_split, write_split
from trainer.datasets.splitting import Division, Plan, continued, empty_sides, split

SUMMARY = "decide once for all which recordings are train, val and test; fails where nearly the same picture is on two sides"
LONGEST_SALT = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_source(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the split's document; one that is there is not replaced")
    parser.add_argument("--fractions", default="0.7,0.15,0.15", metavar="A,B,C", help="of train, val, test (default 0.7,0.15,0.15)")
    parser.add_argument("--salt", help="decides, with a recording's name, where it goes (default: made by chance)")
    parser.add_argument("--after", type=Path, metavar="FILE", help="the split of the set when it was smaller: its recordings stay")
    words = "fail: nearly the same picture on two sides is an error; hold: the later one is held out of all sides (default fail)"
    parser.add_argument("--near", choices=("fail", "hold"), default="fail", help=words)
    parser.add_argument("--allow-empty", action="store_true", help="although a side gets nothing")
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    plan = _plan(args)
    if args.out.exists():
        raise ConfigError(f"{args.out}: is there already and stays as it is; give the new split another name")
    with shared.reading(args.source, args.format) as reader:
        with shared.progress("splitting", reader.total) as bar:
            division = split(reader, plan, utc_from_ns(time.time_ns()), bar.tick)
        findings = reader.findings
    shared.tell(findings)
    faults = [*_faults(division, args.allow_empty)] + (["pictures were skipped, see above"] if not findings.clean else [])
    if not faults:
        write_split(args.out, division.split)
    for fault in faults:
        print(f"dataset split: {fault}", file=sys.stderr)  # noqa: T201 - it is a command
    shared.answer(document(division, faults), args.json, lines(division, args.out, faults))
    return shared.TROUBLE if faults else 0


def _plan(args: argparse.Namespace) -> Plan:
    if args.after:
        if args.salt:
            raise ConfigError("--salt: a split that continues another has its salt; leave it out")
        return continued(read_split(args.after), args.near == "hold")
    train, val, test = parse_shares(args.fractions)
    salt = args.salt or os.urandom(8).hex()
    if not 1 <= len(salt) <= LONGEST_SALT:
        raise ConfigError(f"--salt: give 1 to {LONGEST_SALT} characters")
    return Plan(salt, Fractions(train=train, val=val, test=max(0.0, 1 - train - val) if test else 0.0), args.near == "hold")


def _faults(division: Division, allow_empty: bool) -> Iterator[str]:
    if division.leak_count:
        yield from (leak.words() for leak in division.leaks[:20])
        yield f"{division.leak_count} pictures are too near to one on another side: remove one of each, or hold the later out (--near hold)"
    if not allow_empty and (sides := empty_sides(division)):
        some = len(division.split.groups) + sum(division.split.singles.values())
        yield f"{', '.join(sides)} got nothing of {some} recordings: record more sessions, or try another --salt, or --allow-empty"


def document(division: Division, faults: list[str]) -> dict[str, object]:
    made = division.split
    groups = {side: sum(group.side == side for group in made.groups) for side in SIDES}
    return {
        "ok": not faults,
        "root": made.root,
        "lineage": made.lineage,
        "salt": made.salt,
        "items": {side: division.pictures[side] for side in SIDES},
        "groups": groups,
        "held": len(made.held),
        "gone": division.gone,
        "faults": faults,
    }


def lines(division: Division, out: Path, faults: list[str]) -> Iterator[str]:
    made = division.split
    for side in SIDES:
        names = [group.name for group in made.groups if group.side == side]
        some = f" and {made.singles.get(side, 0)} pictures of no recording" if made.singles.get(side) else ""
        yield f"{side:5} {division.pictures[side]} pictures of {len(names)} recordings{some}"
    if made.held:
        yield f"held out: {len(made.held)} pictures that are nearly one on another side"
    yield from (f"not in the set any more: {name}" for name in division.gone)
    yield "nothing was written" if faults else f"{out}: split of {made.root}"
