"""Data sets and splits of the home, as little read of each as a list needs."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from contracts.dataset import Metadata
from contracts.errors import VedetteError
from contracts.split import Split
from dataset.layout import read_small
from trainer.datasets.split_file import read_split
from trainer.home import NAME, Home

A_SET = 16 << 20  # bytes of metadata.json
REMEMBERED = 64  # splits that were read; each is a few hundred bytes here


@dataclass(frozen=True, slots=True)
class Rooted:
    """What a job of dataset_hash said of a set; `changed`: something came since."""

    root: str
    items: int
    labels: int
    bytes: int
    t_us: int
    changed: bool


@dataclass(frozen=True, slots=True)
class SetRow:
    name: str
    native: bool
    totals: Metadata | None
    rooted: Rooted | None


@dataclass(frozen=True, slots=True)
class SplitRow:
    """`trouble`: why it cannot be read."""

    name: str
    root: str = ""
    items: int = 0
    groups: int = 0
    created_us: int = 0
    fractions: str = ""
    held: int = 0
    trouble: str = ""


def names_in(folder: Path, suffix: str = "", after: str = "", limit: int = 100) -> list[str]:
    """Names of entries, those that fit into a path's part alone, sorted."""
    names = (path.name.removesuffix(suffix) for path in folder.iterdir() if path.name.endswith(suffix))
    return sorted(name for name in names if NAME.fullmatch(name) and name > after)[:limit]


def set_row(home: Home, name: str) -> SetRow:
    folder = home.sets / name
    totals = _read(Metadata, folder / "metadata.json")
    return SetRow(name, (folder / "manifest.jsonl").is_file(), totals, _rooted(home, name, folder))


def _rooted(home: Home, name: str, folder: Path) -> Rooted | None:
    try:
        said: dict[str, Any] = json.loads(read_small(home.roots / f"{name}.json"))
        wrote_us = _changed_us(folder)
        return Rooted(
            str(said["root"]), int(said["items"]), int(said["labels"]), int(said["bytes"]), int(said["t_us"]), wrote_us > int(said["t_us"])
        )
    except (VedetteError, ValueError, KeyError, TypeError):
        return None


def _changed_us(folder: Path) -> int:
    """When something was last written to it, as far as one look tells."""
    manifest = folder / "manifest.jsonl"
    try:
        return (manifest if manifest.exists() else folder).stat().st_mtime_ns // 1000
    except OSError:
        return 0


def _read(model: type[Metadata], path: Path) -> Metadata | None:
    try:
        return model.model_validate_json(read_small(path, A_SET))
    except (VedetteError, ValidationError, RecursionError):
        return None


class Splits:
    """Rows of splits, read again only when their files changed: one may name a hundred thousand recordings."""

    def __init__(self, home: Home) -> None:
        self._home, self._lock = home, threading.Lock()
        self._known: OrderedDict[tuple[str, int, int], SplitRow] = OrderedDict()

    def row(self, name: str) -> SplitRow:
        path = self._home.splits / f"{name}.json"
        try:
            status = path.stat()
        except OSError as error:
            return SplitRow(name, trouble=str(error.strerror))
        key = name, status.st_mtime_ns, status.st_size
        with self._lock:
            if key in self._known:
                return self._known[key]
        made = _split_row(name, path)
        with self._lock:
            self._known[key] = made
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return made


def _split_row(name: str, path: Path) -> SplitRow:
    try:
        split: Split = read_split(path)
    except VedetteError as error:
        return SplitRow(name, trouble=str(error))
    shares = " / ".join(f"{share:.0%}" for share in split.fractions.shares())
    return SplitRow(name, split.root, split.items, len(split.groups), int(split.created.timestamp() * 1e6), shares, len(split.held))


def document(model: BaseModel | None) -> dict[str, Any]:
    return {} if model is None else model.model_dump(mode="json")
