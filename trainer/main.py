"""The vedette-trainer program: one command a file of trainer/commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from contracts.errors import VedetteError
from contracts.shown import shown
from trainer.commands import (
    bundle,
    dataset,
    drift,
    evaluate,
    export,
    fetch,
    gate,
    ingest,
    jobs,
    keys,
    models,
    pki,
    push,
    review,
    rollout,
    serve,
    store,
    train,
    users,
    work,
)

COMMANDS = {
    "fetch": fetch, "ingest": ingest, "store": store, "train": train, "evaluate": evaluate, "gate": gate, "models": models,
    "dataset": dataset, "export": export, "serve": serve, "users": users, "jobs": jobs,
    "work": work, "bundle": bundle, "keys": keys, "pki": pki, "review": review, "push": push, "rollout": rollout,
    "drift": drift,
}  # fmt: skip
STOPPED = 130  # as shells say for Ctrl-C


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vedette-trainer",
        description="Trains, judges and imports the models that Vedette runs. Every command has its own --help.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.SUMMARY, description=f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}.")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The process's exit code: 0 done, 1 it could not be done and why is on stderr, 2 wrong arguments."""
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except VedetteError as error:
        print(f"vedette-trainer: {shown(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
