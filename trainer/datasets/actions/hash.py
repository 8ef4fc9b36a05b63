"""`dataset hash`: the name of what is in a data set: one digest of all pictures and labels."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from dataset.commands import shared
from trainer.datasets.hashing import Roots, roots_of

SUMMARY = "one digest of all pictures and labels, the same on every machine and in every order"
DIFFERENT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_source(parser)
    parser.add_argument("--expect", metavar="ROOT", help="exit with 1 when the root is another")
    parser.add_argument("--threads", type=int, default=None, help="threads that read pictures (default: two a core, at most 8)")
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    with shared.reading(args.source, args.format) as reader:
        with shared.progress("hashing", reader.total) as bar:
            roots = roots_of(reader, bar.tick, args.threads)
        findings = reader.findings
    shared.tell(findings)
    same = args.expect in {None, roots.root}
    document = {"root": roots.root, "lineage": roots.lineage, "items": roots.items, "labels": roots.labels, "bytes": roots.bytes}
    skipped = sum(findings.skipped.values())
    shared.answer({**document, "skipped": skipped, "same": same}, args.json, lines(roots, same, args.expect))
    return shared.code(findings, lenient=False) if same else DIFFERENT


def lines(roots: Roots, same: bool, expected: str | None) -> Iterator[str]:
    yield f"root     {roots.root}"
    yield f"lineage  {roots.lineage}"
    yield f"{roots.items} pictures, {roots.labels} labels, {roots.bytes / 1e6:.1f} MB"
    if not same:
        yield f"another was expected: {expected}"
