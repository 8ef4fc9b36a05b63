"""`vedette verify-export SESSION_DIR`: is a session whole? What is missing or wrong, by file, and what to do; exit 1 if anything is."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from contracts.errors import ConfigError
from device.export.verify import verify_session
from device.films import frames_of
from device.findings import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", type=Path, metavar="SESSION_DIR", help="the folder of a session, e.g. recordings/session-2026-01-16_001")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON, and nothing else")


def run(args: argparse.Namespace) -> int:
    folder = args.session.resolve()
    try:
        there = folder.is_dir()
    except OSError:
        there = False
    if not there:
        raise ConfigError(f"{args.session}: is not a folder; name that of a session, e.g. recordings/session-2026-01-16_001")
    logging.getLogger("device.capture").setLevel(logging.WARNING)  # each clip is opened as a source is, and says so
    found = verify_session(folder, frames_of)
    return _report(args, found)


def _report(args: argparse.Namespace, found: list[Finding]) -> int:
    errors = sum(finding.level == "error" for finding in found)
    if args.json:
        print(json.dumps({"ok": not errors, "findings": [finding.plain() for finding in found]}, indent=1))
        return int(errors > 0)
    print("\n".join(str(finding) for finding in found), flush=True)
    print(f"\n{errors} error(s) in this session" if errors else "\nThe session is whole.", file=sys.stderr)
    return int(errors > 0)
