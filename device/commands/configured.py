"""Configured: this box's configuration, without what was pushed to it where that cannot be read."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal

from device.commands.arguments import load_from
from device.config import Loaded, there
from device.layers import PUSHED, REVISION
from device.problems import BadConfig

log = logging.getLogger(__name__)


def configured(args: argparse.Namespace) -> Loaded:
    """A box that was given a configuration it cannot read does its work with what it had before."""
    try:
        return load_from(args)
    except BadConfig as error:
        folder = _pushed(args)
        if folder is None:
            raise
        log.error("the pushed configuration is set aside: %s", error)
        good = folder / "good" / REVISION
        others: list[Path | Literal["none"]] = [good, "none"] if there(good) else ["none"]
        for instead in others:
            try:
                return replace(load_from(args, revision=instead), set_aside=str(error))
            except BadConfig:
                continue
        raise


def _pushed(args: argparse.Namespace) -> Path | None:
    """The folder of revisions, where one is linked and the configuration is right without."""
    try:
        folder: Path = load_from(args, revision="none").settings.data / PUSHED
    except BadConfig:
        return None
    return folder if there(folder / "current" / REVISION) else None
