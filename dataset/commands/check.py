"""`dataset check`: whether a data set is whole."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from dataset.checkup import CheckUp, Depth
from dataset.commands import shared

SUMMARY = "whether a data set is whole: pictures, hashes, sizes, ids, classes, boxes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_source(parser)
    parser.add_argument("--no-hashes", action="store_true", help="do not read pictures to compare their hashes")
    parser.add_argument("--decode", action="store_true", help="decode every picture")
    parser.add_argument("--leaks", action="store_true", help="look for the same or nearly the same picture in two splits")
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    with shared.reading(args.source, args.format) as reader, shared.progress("checking", reader.total) as bar:
        checkup = CheckUp(reader, Depth(not args.no_hashes, args.decode, args.leaks))
        findings = checkup.run(bar.tick)
    shared.tell(findings)
    document = {"ok": findings.clean, "items": checkup.items, "labels": checkup.labels, **findings.document()}
    shared.answer(document, args.json, lines(checkup))
    return shared.code(findings, lenient=False)


def lines(checkup: CheckUp) -> Iterator[str]:
    wrong = sum(checkup.findings.skipped.values())
    yield f"{checkup.items} pictures, {checkup.labels} labels: {f'{wrong} faults' if wrong else 'all is well'}"
