"""Arguments that several commands share: which configuration, and overrides for one run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ConfigError
from device.config import Loaded, load, merge


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="device.yaml (default: ./device.yaml, then /etc/vedette/device.yaml)")
    parser.add_argument("--profile", metavar="NAME", help="what the box is for: a name in configs/profiles, or a file")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one value, e.g. --set pipeline.confirm.sightings=5",
    )


def load_from(args: argparse.Namespace, extra: dict[str, Any] | None = None) -> Loaded:
    overrides = dict(extra or {})
    for change in args.changes:
        overrides = merge(overrides, parse_change(change))
    return load(args.config, args.profile, overrides)


def parse_change(change: str) -> dict[str, Any]:
    """`a.b=1` as `{"a": {"b": 1}}`; the value is read as YAML, so `true`, `[1, 2]` and numbers are what they look like."""
    path, equals, text = change.partition("=")
    if not equals or not all(path.split(".")):
        raise ConfigError(f"--set {change}: is not KEY=VALUE; write for example --set detection_fps=5")
    try:
        value: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {change}: the value is not valid YAML; quote it") from error
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)
