"""`dataset prepare`: train, val and test without leaks, in any format."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from contracts.errors import ConfigError
from contracts.files import rename_durably, storage
from dataset.commands import shared
from dataset.convert import Converted, convert
from dataset.findings import Findings
from dataset.formats.known import FORMATS, WRITABLE, open_writer
from dataset.items import Reader
from dataset.kinship import WAYS
from dataset.prepare import LEDGER, SPLITS, Division, Ledger, Plan, divide, divided, parse_shares, read_ledger

SUMMARY = "divide a data set into train, val and test without leaks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_source(parser)
    parser.add_argument("target", type=Path, metavar="OUT", help="a folder that is not there yet, or is empty")
    parser.add_argument("--split", default="0.7,0.2,0.1", metavar="A,B,C", help="shares of train, val and test (default 0.7,0.2,0.1)")
    parser.add_argument("--to", choices=WRITABLE, default="coco", help="the format to write (default coco)")
    ways = f"what keeps pictures on one side: {', '.join(WAYS)}, attribute:NAME (default auto: session, else video, event, time)"
    parser.add_argument("--by", default="auto", metavar="WAY", help=ways)
    parser.add_argument("--gap", type=float, default=60.0, metavar="SECONDS", help="pictures of one camera closer than that are kin (60)")
    parser.add_argument("--salt", default="vedette", help="another word gives another division")
    again = f"an earlier {LEDGER}: what it names stays where it was, however the set has grown"
    parser.add_argument("--ledger", type=Path, metavar="FILE", help=again)
    parser.add_argument("--no-look", action="store_true", help="do not open pictures to find near-duplicates the set does not know of")
    shared.add_pictures(parser)
    shared.add_lenient(parser)
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.by not in WAYS and not args.by.startswith("attribute:"):
        raise ConfigError(f"--by {args.by}: is none of {', '.join(WAYS)}, nor attribute:NAME")
    if not 0 <= args.gap <= 1e9:
        raise ConfigError(f"--gap {args.gap}: is not a number of seconds from 0 up")
    plan = Plan(parse_shares(args.split), args.by, args.gap, args.salt, not args.no_look)
    before = read_ledger(args.ledger) if args.ledger else {}
    with shared.reading(args.source, args.format) as reader:
        with shared.progress("finding kin", reader.total) as bar:
            division = divide(reader, plan, before, bar.tick)
        findings, reader.findings = reader.findings, Findings()  # the second reading meets the same once more
        done = _write(args, reader, division, findings)
    shared.tell(done.findings)
    document = {**done.document(), "division": division.document(plan)}
    shared.answer(document, args.json, _lines(args, done, division, plan))
    return shared.code(done.findings, args.lenient)


def _write(args: argparse.Namespace, reader: Reader, division: Division, findings: Findings) -> Converted:
    writer = open_writer(args.target, args.to, reader.categories, args.pictures, findings)
    ledger = args.target.with_name(f".{args.target.name}.{LEDGER}")
    try:
        with storage(ledger), closing(ledger.open("w", encoding="utf-8")) as file, shared.progress("writing", reader.total) as bar:
            items = Ledger(file).pass_on(divided(reader, division))
            done = convert(items, writer, FORMATS[args.to].holds, findings, bar.tick)
        rename_durably(ledger, args.target / LEDGER)
    finally:
        ledger.unlink(missing_ok=True)
    return done


def _lines(args: argparse.Namespace, done: Converted, division: Division, plan: Plan) -> Iterator[str]:
    counts, total = division.counts(), max(sum(division.counts().values()), 1)
    yield f"{args.target}: {done.items} pictures, {done.labels} labels as {args.to}, in {division.families} families"
    for name, asked in zip(SPLITS, plan.shares, strict=True):
        words = f"  {name:5} {counts[name]:8}  {100 * counts[name] / total:5.1f} % (asked {100 * asked:.1f} %)"
        empty = "; nothing came here: there are too few families, or one is too large" if asked and not counts[name] else ""
        yield words + empty
    for why, count in sorted(division.links.items()):
        yield f"  kept together by {why}: {count}"
    if division.held:
        yield f"  held out, as they would tie two sides together: {len(division.held)}"
    yield f"  {args.target / LEDGER}: give it to the next prepare with --ledger, and nothing moves"
