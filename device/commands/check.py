"""`vedette check`: is the configuration right, and does everything it names answer? Exit 0 only when all is well."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import yaml

from contracts.errors import ConfigError, VedetteError
from device import budgets, probes
from device.advice import advice
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from, seconds
from device.commands.configured import configured
from device.config import Loaded
from device.findings import Finding, from_message, worst
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.problems import BadConfig, Loc
from device.scrub import masked
from device.sight import build, open_sources
from device.updating import checked

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--merged", action="store_true", help="print the merged configuration, secrets hidden")
    parser.add_argument("--layers", action="store_true", help="print for each key the layer and line that says it, secrets hidden")
    parser.add_argument("--revision", type=Path, metavar="FILE", help="check as if this file were the revision that was pushed to this box")
    parser.add_argument("--no-probe", action="store_true", help="read the configuration only; try no camera, broker or bundle")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="SECONDS", help="how long a camera may take (default 10)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    try:
        loaded = load_from(args, revision=args.revision)
    except ConfigError as error:
        return _report(args, from_error(error), to=sys.stderr)
    more: dict[str, Any] = {**({"merged": merged(loaded)} if args.merged else {}), **({"layers": layers(loaded)} if args.layers else {})}
    if args.merged and not args.json:
        print(yaml.safe_dump(more["merged"], sort_keys=False, allow_unicode=True))
    if args.layers and not args.json:
        print("\n".join(f"{row['key']} = {row['value']}  [{row['layer']}] {row['where']}".rstrip() for row in more["layers"]), end="\n\n")
    before = _in_force(args) if args.revision else None
    return _report(args, findings(loaded, args.timeout, probe=not args.no_probe, beside=before), more)


def from_error(error: ConfigError) -> list[Finding]:
    """One for each fault of a configuration."""
    if isinstance(error, BadConfig):
        return [Finding(f"{p.where}: {p.key}", "error", f"{p.value} {p.what}".strip(), p.mend) for p in error.problems]
    return [from_message("configuration", str(error))]


def _in_force(args: argparse.Namespace) -> Loaded | None:
    """Without the revision that is checked; None where that is wrong itself."""
    try:
        return configured(args)
    except ConfigError:
        return None


def findings(loaded: Loaded, timeout_s: float, *, probe: bool, beside: Loaded | None = None) -> list[Finding]:
    """`beside`: what runs on this box now and has its cameras; those that stay as they are, are not asked for a picture."""
    names = ", ".join(str(path) for path in loaded.files)
    found = [Finding("configuration", "ok", f"{names}; profile {loaded.settings.profile}, {len(loaded.settings.cameras)} camera(s)")]
    found += advice(loaded)
    if not probe:
        return found
    clock = SystemClock()
    found += [probes.data(loaded.settings), budgets.storage(loaded.settings), *probes.privacy(loaded.settings), *probes.bundles(loaded)]
    found += checked(loaded, clock)
    if worst(found) != "error":
        found += _stages(loaded)
    if beside is not None:
        return [*found, *_new_cameras(loaded, beside, clock, timeout_s)]
    return [*found, *probes.cameras(loaded, clock, timeout_s), probes.broker(loaded.settings, clock), probes.clock_state(clock)]


def _new_cameras(loaded: Loaded, beside: Loaded, clock: SystemClock, timeout_s: float) -> list[Finding]:
    """A local camera that the box has open already gives no second picture: its trial shows whether it works."""
    if not loaded.sources:
        return probes.cameras(loaded, clock, timeout_s)
    new = {name: source for name, source in loaded.sources.items() if not _held(name, source, beside)}
    return probes.cameras(replace(loaded, sources=new), clock, timeout_s) if new else []


def _held(name: str, source: tuple[type, Any], beside: Loaded) -> bool:
    """It is as it was, or a local camera that the box has under this name or in this place."""
    cls, options = source
    if beside.sources.get(name) == source:
        return True
    local = getattr(cls, "live", False) and not hasattr(options, "url")
    mine = [(other, had) for other, (had_cls, had) in beside.sources.items() if local and had_cls is cls]
    return any(other == name or _place(had) == _place(options) for other, had in mine)


def _place(options: Any) -> tuple[Any, Any]:
    return getattr(options, "path", None), getattr(options, "device", None)


def _stages(loaded: Loaded) -> list[Finding]:
    """The stages agree with one another: classes, zones, masks; by building them."""
    clock = SystemClock()
    try:
        sources = open_sources(loaded, clock)
        if sources:
            build(loaded, sources, [], clock=clock, board=Board(), tally=Tally()).close()
    except VedetteError as error:
        return [from_message("pipeline", str(error))]
    except Exception as error:  # a site's own source or stage may raise anything; that is a finding too
        log.debug("the pipeline cannot be built", exc_info=True)
        text = f"cannot be built: {type(error).__name__}: {error}"
        return [Finding("pipeline", "error", text, "`vedette --log DEBUG check` shows where; mend that source or stage")]
    return [Finding("pipeline", "ok", " > ".join(loaded.settings.pipeline) or "no stages: nothing is looked at")]


def merged(loaded: Loaded) -> dict[str, Any]:
    """Everything as it counts after all layers, secrets hidden."""
    plain = loaded.settings.model_dump(mode="python")
    for section, plugs in (("cameras", loaded.sources), ("pipeline", loaded.stages)):
        for name, (_, options) in plugs.items():
            plain[section][name] = {**plain[section][name], **options.model_dump(mode="python", by_alias=True)}
    result: dict[str, Any] = masked(plain)
    return result


def layers(loaded: Loaded) -> list[dict[str, str]]:
    """Each key that counts, with its value, the layer that said it last and where."""
    rows = []
    for loc, value in _leaves(merged(loaded), ()):
        layer = loaded.layered.layer(loc)
        where = loaded.origins.where(loc) if layer != "default" else ""
        shown = json.dumps(value, ensure_ascii=False, default=str)
        rows.append({"key": ".".join(map(str, loc)), "value": shown, "layer": layer, "where": where})
    return rows


def _leaves(value: Any, at: Loc) -> Iterator[tuple[Loc, Any]]:
    if not isinstance(value, dict) or not value:
        yield at, value
        return
    for key, item in value.items():
        yield from _leaves(item, (*at, key))


def _report(args: argparse.Namespace, found: list[Finding], more: dict[str, Any] | None = None, to: TextIO | None = None) -> int:
    """To stdout, or where it says; the verdict to stderr."""
    errors = sum(finding.level == "error" for finding in found)
    if args.json:
        print(json.dumps({"ok": not errors, "findings": [finding.plain() for finding in found], **(more or {})}, indent=1))
        return 2 if errors else 0
    print("\n".join(str(finding) for finding in found), file=to, flush=True)
    print(f"\n{errors} error(s): mend them before `vedette run`" if errors else "\nThe configuration is good.", file=sys.stderr)
    return 2 if errors else 0
