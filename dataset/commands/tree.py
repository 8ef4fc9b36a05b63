"""The command `dataset` with its actions, for whichever program carries it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Protocol

from dataset.commands import check, convert, diff, prepare, stats


class Action(Protocol):
    """A module: one action of the command."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


ACTIONS: Mapping[str, Action] = {"convert": convert, "prepare": prepare, "diff": diff, "stats": stats, "check": check}


def add_arguments(parser: argparse.ArgumentParser, known: Mapping[str, Action] = ACTIONS) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    for name, module in known.items():
        summary = f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}."
        module.add_arguments(actions.add_parser(name, help=module.SUMMARY, description=summary))


def run(args: argparse.Namespace, known: Mapping[str, Action] = ACTIONS) -> int:
    return known[args.action].run(args)
