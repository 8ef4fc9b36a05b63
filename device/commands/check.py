"""`vedette check`: is the configuration right, and does everything it names answer? Exit 0 only when all is well."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import yaml
from pydantic import SecretStr

from contracts.errors import ConfigError, VedetteError
from device import probes
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from
from device.config import Loaded
from device.findings import Finding, from_message, worst
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.problems import BadConfig, shown
from device.sight import build, open_sources


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--merged", action="store_true", help="print the merged configuration, secrets hidden")
    parser.add_argument("--no-probe", action="store_true", help="read the configuration only; try no camera, broker or bundle")
    parser.add_argument("--timeout", type=float, default=10, metavar="SECONDS", help="how long a camera may take (default 10)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    try:
        loaded = load_from(args)
    except BadConfig as bad:
        return _report(args, [Finding(f"{p.where}: {p.key}", "error", f"{p.value} {p.what}".strip(), p.mend) for p in bad.problems], bad)
    if args.merged and not args.json:
        print(yaml.safe_dump(merged(loaded), sort_keys=False, allow_unicode=True))
    return _report(args, findings(loaded, args.timeout, probe=not args.no_probe))


def findings(loaded: Loaded, timeout_s: float, *, probe: bool) -> list[Finding]:
    names = ", ".join(str(path) for path in loaded.files)
    found = [Finding("configuration", "ok", f"{names}; profile {loaded.settings.profile}, {len(loaded.settings.cameras)} camera(s)")]
    if not probe:
        return found
    clock = SystemClock()
    found += [probes.data(loaded.settings), *probes.bundles(loaded)]
    if worst(found) != "error":
        found += _stages(loaded)
    return [*found, *probes.cameras(loaded, clock, timeout_s), probes.broker(loaded.settings, clock), probes.clock_state(clock)]


def _stages(loaded: Loaded) -> list[Finding]:
    """The stages agree with one another: classes, zones, masks; by building them."""
    clock = SystemClock()
    try:
        sources = open_sources(loaded, clock)
        if sources:
            build(loaded, sources, [], clock=clock, board=Board(), tally=Tally()).close()
    except VedetteError as error:
        return [from_message("pipeline", str(error))]
    return [Finding("pipeline", "ok", " > ".join(loaded.settings.pipeline))]


def merged(loaded: Loaded) -> dict[str, Any]:
    """Everything as it counts after environment, device.yaml, profile and defaults."""
    plain = loaded.settings.model_dump(mode="python")
    for section, plugs in (("cameras", loaded.sources), ("pipeline", loaded.stages)):
        for name, (_, options) in plugs.items():
            plain[section][name] = {**plain[section][name], **options.model_dump(mode="python")}
    result: dict[str, Any] = _plain("", plain)
    return result


def _plain(key: str, value: Any) -> Any:
    """As YAML can hold it, secrets hidden."""
    if isinstance(value, dict):
        return {str(k): _plain(str(k), v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(key, item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return "(hidden)" if isinstance(value, SecretStr) else shown(key, str(value)).strip("'")


def _report(args: argparse.Namespace, found: list[Finding], bad: ConfigError | None = None) -> int:
    broken = worst(found) == "error"
    if args.json:
        print(json.dumps({"ok": not broken, "findings": [finding.plain() for finding in found]}, indent=1))
    elif bad:
        print(bad, file=sys.stderr)
    else:
        print("\n".join(str(finding) for finding in found))
    if not args.json:
        count = sum(finding.level == "error" for finding in found)
        print(f"\n{count} error(s): mend them before `vedette run`" if broken else "\nThe configuration is good.", file=sys.stderr)
    return 2 if broken else 0
