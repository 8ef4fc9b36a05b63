"""`dataset check` with a split: the set as on a box, and whether a split is what it says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from dataset.commands import check, shared
from trainer.datasets.split_file import read_split
from trainer.datasets.verify import Verdict, verify

SUMMARY = check.SUMMARY + "; with --split whether a split holds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    check.add_arguments(parser)
    parser.add_argument("--split", type=Path, metavar="FILE", help="a split's document: root, sides, near-duplicates")


def run(args: argparse.Namespace) -> int:
    if args.split is None:
        return check.run(args)
    kept = read_split(args.split)
    with shared.reading(args.source, args.format) as reader:
        with shared.progress("checking", reader.total) as bar:
            verdict = verify(reader, kept, bar.tick)
        findings = reader.findings
    shared.tell(findings)
    faults = [*verdict.faults, *(["pictures were skipped, see above"] if not findings.clean else [])]
    document = {"ok": not faults, "root": verdict.division.split.root, "items": verdict.division.split.items, "faults": faults}
    shared.answer(document, args.json, lines(verdict, faults))
    return shared.TROUBLE if faults else 0


def lines(verdict: Verdict, faults: list[str]) -> Iterator[str]:
    yield from faults
    yield f"{verdict.division.split.items} pictures: {f'{len(faults)} faults' if faults else 'the split holds'}"
