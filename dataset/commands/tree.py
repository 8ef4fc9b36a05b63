"""The command `dataset` with its actions, for whichever program carries it."""

from __future__ import annotations

import argparse

from dataset.commands import check, convert, diff, prepare, stats

ACTIONS = {"convert": convert, "prepare": prepare, "diff": diff, "stats": stats, "check": check}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    for name, module in ACTIONS.items():
        summary = f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}."
        module.add_arguments(actions.add_parser(name, help=module.SUMMARY, description=summary))


def run(args: argparse.Namespace) -> int:
    code: int = ACTIONS[args.action].run(args)
    return code
