"""Runs of training as their folders tell, newest first; of a long progress the end."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import ValidationError

from contracts.envelope import ULID
from contracts.errors import VedetteError
from contracts.exported import Exported
from contracts.run import EpochLine, Run
from dataset.layout import open_regular, read_small
from trainer.home import Home

LARGEST = 8 << 20  # bytes that are read of a progress
IS_RUN = re.compile(ULID)


def run_ids(home: Home, before: str, limit: int) -> list[str]:
    """Ids sort by time, so a page reads names only."""
    names = (entry.name for entry in os.scandir(home.runs) if IS_RUN.fullmatch(entry.name))
    return sorted((name for name in names if not before or name < before), reverse=True)[:limit]


def run_of(home: Home, name: str) -> Run | None:
    """None for one that is not there, or whose document is not whole yet."""
    if not IS_RUN.fullmatch(name):
        return None
    try:
        return Run.model_validate_json(read_small(home.runs / name / "run.json"))
    except (VedetteError, ValidationError, RecursionError):
        return None


def progress_of(home: Home, name: str) -> list[EpochLine]:
    """A line that a cut left half is left out; of an epoch that was trained twice the later one holds."""
    try:
        handle = open_regular(home.runs / name / "progress.jsonl")
    except VedetteError:
        return []
    with os.fdopen(handle, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LARGEST))
        text = file.read(LARGEST)
    found: dict[int, EpochLine] = {}
    for line in text.splitlines():
        try:
            read = EpochLine.model_validate_json(line)
        except ValidationError:
            continue
        found.pop(read.epoch, None)
        found[read.epoch] = read
    return [found[epoch] for epoch in sorted(found)]


def exported_of(home: Home, name: str) -> Exported | None:
    try:
        return Exported.model_validate_json(read_small(home.runs / name / "export.json"))
    except (VedetteError, ValidationError, RecursionError):
        return None


def report_of(home: Home, name: str) -> Path | None:
    path = home.runs / name / "report.html"
    return path if IS_RUN.fullmatch(name) and path.is_file() and not path.is_symlink() else None
