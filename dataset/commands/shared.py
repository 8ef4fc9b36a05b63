"""What the commands of `dataset` have in common: arguments, opening, telling what was skipped."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contracts.shown import shown
from dataset.archive import unpacked
from dataset.commands.progress import Progress
from dataset.findings import Findings
from dataset.formats.known import READABLE, open_reader
from dataset.items import Reader

TROUBLE = 1  # something was skipped, or is wrong


def add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SET", help="a data set: its folder, its file, or a zip of it")
    parser.add_argument("--format", choices=READABLE, help="what it is (default: what it looks like)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def add_lenient(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lenient", action="store_true", help="exit with 0 even when pictures had to be skipped")


def add_pictures(parser: argparse.ArgumentParser) -> None:
    words = "copy: pictures are copied; link: hard links where they can be; none: labels only (default copy)"
    parser.add_argument("--pictures", choices=("copy", "link", "none"), default="copy", help=words)


@contextmanager
def reading(path: Path, name: str | None) -> Iterator[Reader]:
    """The data set, out of its zip if it is in one."""
    with unpacked(path) as folder:
        reader = open_reader(folder, name)
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Progress]:
    bar = Progress(what, total)
    try:
        yield bar
    finally:
        bar.end()


def tell(findings: Findings) -> None:
    """On stderr: why what was skipped, and what was changed or left out, by reason, and the first of each."""
    for kind, counts in (("skipped", findings.skipped), ("note", findings.noted)):
        for reason, count in counts.most_common():
            print(f"{kind}: {reason}: {count}", file=sys.stderr)
            first = [each for each in findings.told if each.reason == reason][:3]
            for each in first:
                print(f"    {shown(each.words())}", file=sys.stderr)


def answer(document: Mapping[str, object], as_json: bool, lines: Iterator[str]) -> None:
    if as_json:
        print(json.dumps(document, indent=1, ensure_ascii=False))
        return
    for line in lines:
        print(shown(line))


def code(findings: Findings, lenient: bool) -> int:
    return 0 if findings.clean or lenient else TROUBLE
