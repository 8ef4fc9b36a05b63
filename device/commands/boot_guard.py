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

START = "INVOCATION_ID"  # of systemd: the same for all processes of one start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    state = os.environ.get("STATE_DIRECTORY", "vedette-data").split(":")[0]
    parser.add_argument(
        "--data", type=Path, default=Path(state), metavar="FOLDER", help="the box's data (default: $STATE_DIRECTORY, then vedette-data)"
    )


def run(args: argparse.Namespace) -> int:
    for words in guard(args.data, os.environ.get(START, "")):
        print(f"vedette boot-guard: {words}", file=sys.stderr)
    return 0


def guard(data: Path, start: str) -> list[str]:
    """What was done, in words. `start` is one start's own id: it is counted once, whoever asks for it."""
    mark = data / "update" / "start"
    try:
        if start and mark.exists() and mark.read_text() == start:
            return []
        found = [Starts(data).begin(), Boots(data).begin()]
        if start and mark.parent.is_dir():
            mark.write_text(start)  # torn or lost it is another than the next start's
    except Exception as error:  # noqa: BLE001 - the appliance must start, whatever the disk says
        found = [f"starts are not counted: {data}: {error}; mend the disk"]
    return [words for words in found if words]
