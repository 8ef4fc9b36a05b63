"""`vedette cameras`: the cameras that are plugged in, by the ids that a configuration names them with, and those that are missing."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError
from contracts.shown import shown
from device.capture.local import LocalCamera, local_cameras
from device.capture.plugging import Pluggable
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from
from device.config import Loaded
from device.nearby.onvif import FoundCamera, look_for_cameras
from device.scrub import scrub

ASK_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--network", action="store_true", help="ask the local network for ONVIF cameras too; takes three seconds")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    try:
        loaded: Loaded | None = load_from(args)
    except ConfigError as error:
        loaded = None  # what is plugged in helps to write it
        print(f"the configuration cannot be read ({shown(scrub(str(error))).splitlines()[0]})", file=sys.stderr)
    found = local_cameras()
    rows = listed(found, nodes_of(loaded, found) if loaded else {})
    rows += [_heard(camera) for camera in look_for_cameras(ASK_S, SystemClock())] if args.network else []
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        _print(rows)
    return 0


def _heard(camera: FoundCamera) -> dict[str, Any]:
    """Its stream's address only itself knows: that is for its own page to say."""
    fault = "on the network: needs an rtsp:// address"
    return {"camera": None, "device": None, "model": camera.name, "node": camera.address, "fault": fault}


def nodes_of(loaded: Loaded, cameras: Sequence[LocalCamera]) -> dict[str, Path | None]:
    """The local cameras of the configuration, and the node of each that is there."""
    sources = {name: cls(name, options, SystemClock()) for name, (cls, options) in loaded.sources.items()}
    return {name: source.plugged(cameras) for name, source in sources.items() if isinstance(source, Pluggable)}


def listed(cameras: Sequence[LocalCamera], nodes: dict[str, Path | None]) -> list[dict[str, Any]]:
    names = {node.resolve(): name for name, node in nodes.items() if node}
    there = [
        {"camera": names.get(camera.node), "device": camera.id, "model": camera.name, "node": str(camera.node), "fault": camera.fault}
        for camera in cameras
    ]
    away = [
        {"camera": name, "device": None, "model": None, "node": None, "fault": "not plugged in"} for name, node in nodes.items() if not node
    ]
    return there + away


def _print(rows: list[dict[str, Any]]) -> None:
    """Columns are as wide as what is in them: an id is copied whole."""
    if not rows:
        print("no local camera is plugged in; network cameras need none")
        return
    names = ("camera", "device", "model", "node", "fault")
    cells = [[*names[:4], ""], *([shown(str(row[name] or ("" if name == "fault" else "-"))) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    for line in cells:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
