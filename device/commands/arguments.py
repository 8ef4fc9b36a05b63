"""Arguments that several commands share: which configuration, overrides for one run, and what a good number of seconds is."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import Any, Literal

from contracts.errors import ConfigError
from device.config import Loaded, load, merge
from device.documents import parse
from device.scrub import forget, remember, secrets_in

LONGEST_S = 1e9


def add_config(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """`again`: of an action whose command has them too; they may stand before it or after it."""
    words = "device.yaml (default: ./device.yaml, then /etc/vedette/device.yaml)"
    none = argparse.SUPPRESS if again else None
    parser.add_argument("--config", type=Path, metavar="FILE", default=none, help=words)
    parser.add_argument("--profile", metavar="NAME", default=none, help="what the box is for: a name in configs/profiles, or a file")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=argparse.SUPPRESS if again else [],
        metavar="KEY=VALUE",
        help="override one value, e.g. --set pipeline.confirm.sightings=5",
    )


def seconds(text: str) -> float:
    """A type of argument: more than nothing, and not for ever."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def load_from(args: argparse.Namespace, extra: dict[str, Any] | None = None, revision: Path | Literal["none"] | None = None) -> Loaded:
    """What the arguments say, over everything else; from now on no log shows a secret of it. `revision`: as for `load`."""
    overrides = dict(extra or {})
    for change in args.changes:
        overrides = merge(overrides, parse_change(change))
    loaded = load(args.config, args.profile, overrides, revision=revision)
    forget()
    remember(secrets_in(loaded.settings))
    return loaded


def settled(args: argparse.Namespace) -> Loaded:
    """For a reset: what the page wrote or a trainer pushed may be the very thing that is wrong, and is then left out."""
    try:
        return load_from(args)
    except ConfigError:
        overrides = dict[str, Any]()
        for change in args.changes:
            overrides = merge(overrides, parse_change(change))
        return load(args.config, args.profile, overrides, owner=Path(os.devnull), revision="none")


def parse_change(change: str) -> dict[str, Any]:
    """`a.b=1` as `{"a": {"b": 1}}`; the value is read as YAML, so `true`, `[1, 2]` and numbers are what they look like."""
    path, equals, text = change.partition("=")
    if not equals or not all(path.split(".")):
        raise ConfigError(f"--set {change}: is not KEY=VALUE; write for example --set detection_fps=5")
    value, _ = parse(text, f"--set {path}")
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)
