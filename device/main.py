"""The `vedette` program: picks the command and turns errors into words and exit codes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.metadata import version

from contracts.errors import BundleError, ConfigError, HardwareError, StorageError, VedetteError
from contracts.shown import shown
from device.logs import set_up, threads_logged
from device.scrub import scrub

COMMANDS = {
    "run": "be the appliance: watch the cameras until stopped",
    "check": "check the configuration, probe cameras, broker and bundles",
    "replay": "run recorded files through the same pipeline",
    "cameras": "what is plugged in here, by the ids that a configuration takes",
    "batch": "hours of recordings to event logs, on all cores or many machines",
    "clips": "what is recorded: list, keep, remove, check, copy elsewhere",
    "verify-export": "is a session whole? what is missing or wrong in it",
    "ship": "training data into a folder, e.g. on a USB stick, for the trainer",
    "models": "the models on this box: list, show, use another, go back, keep",
    "config": "the configurations that were pushed to this box: list, show, go back",
    "boot-guard": "before each start: take back a model or configuration with which the box does not come up",
    "bench": "measure this box: decoding, inference, the whole way",
    "doctor": "what is wrong with this box, and what to do about it",
    "diag": "one archive for whoever helps you, with nothing secret in it",
    "init": "write a device.yaml, by asking or by probing",
    "setup-code": "the code that the page of a new box asks for",
    "factory-reset": "the box as it came: without owner, settings, keys and pushed models",
    "diagram": "the state machine of a profile, drawn",
    "dataset": "convert, divide, compare and check training data",
}
SHARED = {"init"}  # whose file another user, the service's, has to read
EXIT: dict[type, int] = {ConfigError: 2, BundleError: 3, HardwareError: 4, StorageError: 5}
log = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="vedette", description="A vision appliance. Each command has its own --help.")
    top.add_argument("--version", action="version", version=f"vedette {version('vedette')}")
    top.add_argument("--log", default="INFO", metavar="LEVEL", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="how much to log")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, words in COMMANDS.items():
        commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".", add_help=False)
    return top


def exit_code(error: VedetteError) -> int:
    """That of the error it began with: a stage that cannot be built of a broken bundle is the bundle's."""
    while isinstance(error.__cause__, VedetteError):
        error = error.__cause__
    return next((EXIT[kind] for kind in type(error).__mro__ if kind in EXIT), 1)


@contextmanager
def private_files() -> Iterator[None]:
    """What is made is not for every user of this machine: pictures and times of people. A stricter umask stays as it is."""
    before = os.umask(0o077)
    os.umask(before | 0o027)
    try:
        yield
    finally:
        os.umask(before)


def main(argv: Sequence[str] | None = None) -> int:
    """Only the chosen command's module is imported: the others' libraries cost start-up time."""
    args, rest = parser().parse_known_args(argv)
    words = COMMANDS[args.command]
    try:
        command = import_module(f"device.commands.{args.command.replace('-', '_')}")
        mine = argparse.ArgumentParser(prog=f"vedette {args.command}", description=words[0].upper() + words[1:] + ".")
        command.add_arguments(mine)
        options = mine.parse_args(rest)
        set_up(args.log)
        with threads_logged(), nullcontext() if args.command in SHARED else private_files():
            code: int = command.run(options)
            sys.stdout.flush()
    except VedetteError as error:
        print(f"vedette {args.command}: {shown(scrub(str(error)))}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `vedette replay ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more when it ends
        return 141
    except Exception:  # a bug of ours: through the log, so that no secret in its traceback is printed
        log.critical("crashed", extra={"command": args.command}, exc_info=True)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
