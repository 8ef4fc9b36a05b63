"""What the tests of keeping share: a clock turned by hand, a shelf in memory, a disk of any size, and a janitor with all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contracts.removal import Order, Removal
from device.keep.janitor import REMOVALS, Janitor
from device.keep.options import StorageOptions
from device.keep.shelf import Kept, Shelf, Totals
from device.keep.troubles import Troubles
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from tests.clocks import T0_NS, HandClock

DAY_NS = 86_400_000_000_000
MB = 1_000_000


@dataclass
class Disk:
    """A file system in numbers; what the shelves hold counts as used."""

    total: int = 1000 * MB
    others: int = 0
    inodes: int = 100_000
    files: int = 10
    refuses: OSError | None = None
    shelves: list[MemoryShelf] = field(default_factory=list)
    looks: int = 0

    def statvfs(self, _path: object) -> os.statvfs_result:
        self.looks += 1
        if self.refuses:
            raise self.refuses
        used = self.others + sum(item.bytes for shelf in self.shelves for item in shelf.there.values())
        files = self.files + sum(item.files for shelf in self.shelves for item in shelf.there.values())
        free, left = max(0, self.total - used), max(0, self.inodes - files)
        return os.statvfs_result((1, 1, self.total, free, free, self.inodes, left, left, 0, 255))


class MemoryShelf:
    """Keeps its items in a dict; refuses what it is told to."""

    def __init__(self, name: str, disk: Disk | None = None) -> None:
        self.name, self.distrusted = name, ""
        self.there: dict[str, Kept] = {}
        self.refuses: dict[str, Exception] = {}  # name of an item -> what its removal meets
        self.blind: Exception | None = None
        self.went: list[str] = []
        self.why: list[str] = []
        if disk:
            disk.shelves.append(self)

    def put(self, name: str, size: int, wall_ns: int = T0_NS, **more: Any) -> None:
        self.there[name] = Kept(name, size, wall_ns, **more)

    def items(self, order: Order, skip: int = 0) -> Iterator[Kept]:
        if self.blind:
            raise self.blind
        return iter(sorted(self.there.values(), key=oldest if order == "oldest" else largest))

    def remove(self, item: Kept, why: str) -> None:
        if item.name in self.refuses:
            raise self.refuses[item.name]
        if self.there.pop(item.name, None):
            self.went.append(item.name)
            self.why.append(why)

    def totals(self) -> Totals:
        if self.blind:
            raise self.blind
        every = list(self.there.values())
        return Totals(
            sum(item.bytes for item in every),
            len(every),
            min((item.wall_ns for item in every), default=None),
            sum(item.bytes for item in every if item.pinned),
            sum(item.bytes for item in every if not item.acknowledged),
        )


def oldest(item: Kept) -> tuple[int, str]:
    return item.wall_ns, item.name


def largest(item: Kept) -> tuple[int, int, str]:
    return -item.bytes, item.wall_ns, item.name


class House:
    """A janitor on a disk in numbers. Its own files (log, ballast, figures) are real ones in `folder`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str, disk: Disk | None = None, **options: Any) -> None:
        self.folder, self.disk, self.clock = folder, disk or Disk(), HandClock()
        self.board, self.tally = Board(), Tally()
        self.shelves = {name: MemoryShelf(name, self.disk) for name in names or ("clips",)}
        self.options = StorageOptions.model_validate({"ballast_mb": 0, **options})
        monkeypatch.setattr(os, "statvfs", self.disk.statvfs)
        self.troubles = Troubles(self.clock)
        self.janitor = self.hire()
        self.settle()

    @property
    def clips(self) -> MemoryShelf:
        return self.shelves["clips"]

    def hire(self) -> Janitor:
        shelves: list[Shelf] = list(self.shelves.values())
        return Janitor(self.folder, shelves, self.options, clock=self.clock, board=self.board, tally=self.tally, troubles=self.troubles)

    def settle(self) -> None:
        """The clock has stood long enough to be believed."""
        self.janitor.step()
        self.clock.advance(61)

    def round(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(61)
            self.janitor.step()

    def removals(self) -> list[Removal]:
        return read(self.folder)

    def part(self) -> tuple[str, str]:
        part = self.board.parts()["storage"]
        return part.state, part.reason


def read(folder: Path) -> list[Removal]:
    path = folder / REMOVALS
    files = [*sorted(path.parent.glob("removals-*.jsonl")), path]
    return [Removal.model_validate_json(line) for file in files if file.exists() for line in file.read_text().splitlines()]
