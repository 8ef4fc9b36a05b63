"""`vedette diagram`: the state machine of a profile, as a diagram in Mermaid's words."""

from __future__ import annotations

import argparse
from pathlib import Path

from contracts.errors import ConfigError
from contracts.files import storage, write_durably
from device.commands.arguments import add_config, load_from
from device.config import Loaded
from device.stages.machine.declaration import Declaration
from device.stages.machine.diagram import diagram


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--stage", metavar="NAME", help="which, where the pipeline has several")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default: stdout); as .md, in a block that pages render")


def run(args: argparse.Namespace) -> int:
    text = diagram(chosen(load_from(args), args.stage))
    if args.output is None:
        print(text, end="")
        return 0
    if args.output.suffix.lower() == ".md":
        text = f"```mermaid\n{text}```\n"
    with storage(args.output):
        write_durably(args.output, text.encode())
    return 0


def chosen(loaded: Loaded, name: str | None) -> Declaration:
    """ConfigError when there is none, or none that is meant."""
    machines = {stage: options for stage, (_, options) in loaded.stages.items() if isinstance(options, Declaration)}
    if not machines:
        raise ConfigError(f"profile {loaded.settings.profile}: its pipeline has no state machine; choose another --profile")
    if name is None and len(machines) == 1:
        return next(iter(machines.values()))
    if name not in machines:
        raise ConfigError(f"--stage {name}: the state machines are: {', '.join(machines)}; choose one of them")
    return machines[name]
