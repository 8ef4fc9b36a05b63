"""`dataset convert`: a data set in another format."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from dataset.commands import shared
from dataset.convert import Converted, convert
from dataset.formats.known import FORMATS, WRITABLE, open_writer
from dataset.holds import FEATURES

SUMMARY = "write a data set in another format"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_source(parser)
    parser.add_argument("target", type=Path, metavar="OUT", help="a folder that is not there yet, or is empty")
    parser.add_argument("--to", choices=WRITABLE, required=True, help="the format to write")
    shared.add_pictures(parser)
    shared.add_lenient(parser)
    shared.add_json(parser)


def run(args: argparse.Namespace) -> int:
    with shared.reading(args.source, args.format) as reader, shared.progress("converting", reader.total) as bar:
        writer = open_writer(args.target, args.to, reader.categories, args.pictures, reader.findings)
        done = convert(reader, writer, FORMATS[args.to].holds, reader.findings, bar.tick)
    shared.tell(done.findings)
    shared.answer(done.document(), args.json, lines(done, args.target, args.to))
    return shared.code(done.findings, args.lenient)


def lines(done: Converted, target: Path, name: str) -> Iterator[str]:
    yield f"{target}: {done.items} pictures, {done.labels} labels as {name}"
    for feature, count in sorted(done.lost.items()):
        yield f"  not held by {name}: {FEATURES[feature].words} ({count} pictures)"
