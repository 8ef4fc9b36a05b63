"""`dataset diff`: what one data set has that another has not. Exit code 0: nothing, 1: something, 2: trouble."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import VedetteError
from dataset.commands import shared
from dataset.diff import MATCHES, Difference, diff
from dataset.formats.known import READABLE

SUMMARY = "what one data set has that another has not"
DIFFERENT, NO_ANSWER = 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", type=Path, metavar="A", help="a data set: its folder, its file, or a zip of it")
    parser.add_argument("b", type=Path, metavar="B", help="the other one")
    parser.add_argument("--format-a", choices=READABLE, help="what A is (default: what it looks like)")
    parser.add_argument("--format-b", choices=READABLE, help="what B is")
    parser.add_argument("--by", choices=MATCHES, default="auto", help="how pictures are matched (default: by id, else by file name)")
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    try:
        with shared.reading(args.a, args.format_a) as a, shared.reading(args.b, args.format_b) as b:
            with shared.progress("reading", None) as bar:
                found = diff(a, b, args.by, bar.tick)
            skipped = [reader.findings for reader in (a, b) if not reader.findings.clean]
    except VedetteError as error:
        print(f"dataset diff: {error}", file=sys.stderr)
        return NO_ANSWER
    for findings in skipped:
        shared.tell(findings)
    shared.answer(found.document(), args.json, lines(found))
    return NO_ANSWER if skipped else 0 if found.same else DIFFERENT


def lines(found: Difference) -> Iterator[str]:
    for what, counts in (("pictures", found.images), ("boxes", found.boxes)):
        yield f"{what}: {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items())) or 'none'}"
    for words, names in (("classes added", found.classes_added), ("classes removed", found.classes_removed)):
        if names:
            yield f"{words}: {', '.join(names)}"
    for name, (before, after) in sorted(found.classes.items()):
        if before != after:
            yield f"  {name}: {before} -> {after} boxes"
    for kind, rows in found.told.items():
        yield f"{kind}:"
        yield from (f"  {row}" for row in rows)
