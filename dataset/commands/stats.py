"""`dataset stats`: what is in a data set, in figures and as a page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from contracts.files import write_durably
from dataset.commands import shared
from dataset.report import report
from dataset.stats import Stats, gather

SUMMARY = "class balance, sizes, duplicates and conflicts, as figures and as a page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_source(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report with plots and pictures, one file that needs no other")
    parser.add_argument("--no-look", action="store_true", help="do not open pictures to find duplicates the set does not know of")
    shared.add_lenient(parser)
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    with shared.reading(args.source, args.format) as reader:
        with shared.progress("counting", reader.total) as bar:
            stats = gather(reader, not args.no_look, bar.tick)
        if args.html:
            write_durably(args.html, report(stats, args.source.resolve().name or "data set").encode())
        findings = reader.findings
    shared.tell(findings)
    shared.answer({**stats.document(), **findings.document()}, args.json, lines(stats))
    return shared.code(findings, args.lenient)


def lines(stats: Stats) -> Iterator[str]:
    yield f"{stats.items} pictures ({stats.unlabelled} without labels), {stats.labels} labels ({stats.verified} verified)"
    for name, each in sorted(stats.classes.items(), key=lambda pair: -pair[1].labels):
        yield f"  {name:30} {each.labels:8} labels in {each.images} pictures"
    if stats.unused:
        yield f"  without labels: {', '.join(stats.unused)}"
    yield f"duplicates: {stats.same_file} the same file, {stats.near} nearly the same"
    conflicts = ", ".join(f"{a}/{b} {count}" for (a, b), count in stats.conflicts.most_common(10))
    yield f"label conflicts: {conflicts or 'none'}"
