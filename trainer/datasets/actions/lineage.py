"""`dataset lineage`: which boxes, sessions and events a data set, or one picture of it, comes from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from contracts.errors import ConfigError
from dataset.commands import shared
from trainer.datasets.lineage import Recording, recordings, sightings, told

SUMMARY = "from which boxes, sessions and events a data set comes, or one picture of it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_source(parser)
    parser.add_argument("--picture", metavar="ID", help="every time that this picture was said something of")
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    with shared.reading(args.source, args.format) as reader:
        if args.picture:
            found = [told(each) for each in sightings(reader, args.picture)]
            if not found:
                raise ConfigError(f"picture {args.picture}: is not in {args.source}; give the id that `dataset diff` or a manifest shows")
            shared.answer({"picture": args.picture, "sightings": found}, args.json, _of_picture(found))
            return shared.code(reader.findings, lenient=False)
        rows = recordings(reader)
        findings = reader.findings
    shared.tell(findings)
    shared.answer({"recordings": [row.document() for row in rows]}, args.json, _of_set(rows))
    return shared.code(findings, lenient=False)


def _of_picture(found: list[dict[str, object]]) -> Iterator[str]:
    for each in found:
        yield ", ".join(f"{name} {value}" for name, value in each.items() if value not in {"", None})


def _of_set(rows: list[Recording]) -> Iterator[str]:
    for row in rows:
        said = row.document()
        where = f"{row.device or 'no box'}, {row.session or 'no session'}"
        yield f"{where}: {row.pictures} pictures, {row.labels} labels, {len(row.events)} events, {said['first']} to {said['last']}"
