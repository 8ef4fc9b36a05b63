"""`vedette diag`: one archive with what a support engineer needs, and nothing secret."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from contracts.errors import ConfigError
from contracts.wire import utc_from_ns
from device.clock import SystemClock
from device.commands import check, doctor
from device.commands.arguments import add_config, load_from, seconds
from device.config import Loaded
from device.diagnosis.archive import write_archive
from device.diagnosis.sections import Section, gathered, sections
from device.findings import Finding
from device.scrub import remember, secrets_in
from device.setup.code import written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default: ./vedette-diag-DEVICE-TIME.zip)")
    parser.add_argument("--unit", default="vedette", help="the service whose journal is wanted (default: vedette)")
    parser.add_argument("--no-probe", action="store_true", help="try no camera, broker or bundle")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="SECONDS", help="how long a camera may take (default 10)")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")


def run(args: argparse.Namespace) -> int:
    """A box whose configuration is wrong is diagnosed too."""
    made = utc_from_ns(SystemClock().wall_ns())
    loaded, faults = _loaded(args)

    def findings() -> list[Finding]:
        found = [*faults, doctor.machine(), doctor.software(), doctor.backends(), doctor.systemd(), *doctor.devices()]
        if loaded is None:
            return found
        return [*found, doctor.disk(loaded.settings.data), doctor.whose(loaded.settings), *_checked(loaded, args)]

    device = loaded.settings.device_id if loaded else "box"
    path = args.output or Path(f"vedette-diag-{device}-{made:%Y%m%dT%H%M%SZ}.zip")
    merged = check.merged(loaded) if loaded else None
    code = written(loaded.settings.data) if loaded else []  # of a box without an owner; it stands in the journal
    remember(code)
    secrets = [*(secrets_in(loaded.settings) if loaded else ()), *code]
    left_out = write_archive(path, _told(args, sections(loaded, merged, findings, args.unit)), secrets, made)
    if args.json:
        print(json.dumps({"archive": str(path), "bytes": path.stat().st_size, "left_out": left_out}))
    else:
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB. Look through it, then hand it on.")
    for name in left_out:
        print(f"vedette diag: {name} was left out: a secret was in it; please tell us", file=sys.stderr)
    return 0


def _loaded(args: argparse.Namespace) -> tuple[Loaded | None, list[Finding]]:
    try:
        return load_from(args), []
    except ConfigError as error:
        return None, check.from_error(error)


def _checked(loaded: Loaded, args: argparse.Namespace) -> list[Finding]:
    return check.findings(loaded, args.timeout, probe=not args.no_probe)


def _told(args: argparse.Namespace, found: Mapping[str, Section]) -> list[tuple[str, str]]:
    parts = []
    for name, text in gathered(found):
        parts.append((name, text))
        if sys.stderr.isatty() and not args.json:
            print(f"  {name}", file=sys.stderr)
    return parts
