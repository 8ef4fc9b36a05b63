"""`vedette boot-guard`: before each start; a model or configuration with which the box does not come up is taken back.

Reads no configuration and no camera, and never prevents a start: whatever is wrong here is said, and the start goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from device.update.boots import Boots
from device.update.config_starts import Starts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    state = os.environ.get("STATE_DIRECTORY", "vedette-data").split(":")[0]
    parser.add_argument(
        "--data", type=Path, default=Path(state), metavar="FOLDER", help="the box's data (default: $STATE_DIRECTORY, then vedette-data)"
    )


def run(args: argparse.Namespace) -> int:
    try:
        found = [Starts(args.data).begin(), Boots(args.data).begin()]
    except Exception as error:  # noqa: BLE001 - the appliance must start, whatever the disk says
        found = [f"starts are not counted: {args.data}: {error}; mend the disk"]
    for words in filter(None, found):
        print(f"vedette boot-guard: {words}", file=sys.stderr)
    return 0
