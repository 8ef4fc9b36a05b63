"""FileShelf: plain files in one folder of the data: pictures, snapshots, salvage, logs, and what is only counted."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from contracts.removal import Order
from device.clock import Clock
from device.keep.folder import Listing, listed, opened, remove_empty, remove_file
from device.keep.shelf import Fault, Foreign, Kept, Totals, ours

PAGE = 1024  # looked ahead, where the whole folder has to be sorted
DEEPEST = 8
SETTLED_NS = 2_000_000_000  # a folder's time of change is too coarse to tell two changes in less than that apart
UNFINISHED = (".part", ".copy", ".tmp")


def finished(name: str) -> bool:
    """Not a file that somebody is writing, nor one that is none of ours."""
    return not name.startswith(".") and not name.endswith(UNFINISHED)


def every(_name: str) -> bool:
    return True


@dataclass(slots=True)
class Known:
    """What was in a folder when it last changed."""

    changed_ns: int
    bytes: int
    count: int
    fixed_bytes: int
    oldest_wall_ns: int | None
    folders: tuple[str, ...] = field(default=())


class FileShelf:
    """A folder that has not changed is not read again, unless its files grow where they are (`grows`).

    `by_day`: its folders are days, so the oldest are found without reading all of them.
    """

    def __init__(
        self,
        name: str,
        data: Path,
        folder: str,
        clock: Clock,
        on_fault: Fault,
        *,
        by_day: bool = False,
        deep: bool = True,
        removable: Callable[[str], bool] = finished,
        counted: Callable[[str], bool] = every,
        grows: bool = False,
        foreign: Foreign = ours,
    ) -> None:
        self.name, self._foreign = name, foreign
        self._data, self._folder, self._clock, self._on_fault = data, folder, clock, on_fault
        self._by_day, self._deep, self._removable, self._counted, self._grows = by_day, deep, removable, counted, grows
        self._known: dict[str, Known] = {}

    @property
    def distrusted(self) -> str:
        return self._foreign()

    # ---- figures

    def totals(self) -> Totals:
        size = count = fixed = 0
        oldest: int | None = None
        seen: dict[str, Known] = {}
        for relative, known in self._walk(self._folder):
            seen[relative] = known
            size, count, fixed = size + known.bytes, count + known.count, fixed + known.fixed_bytes
            oldest = min((t for t in (oldest, known.oldest_wall_ns) if t is not None), default=None)
        self._known = seen
        return Totals(size, count, oldest, fixed_bytes=fixed)

    def _walk(self, relative: str, depth: int = 0) -> Iterator[tuple[str, Known]]:
        try:
            known = self._known_of(relative)
        except FileNotFoundError:
            return
        except OSError as error:
            self._on_fault(f"{self.name}: {relative or 'the data folder'} cannot be read", error)
            return
        yield relative, known
        if self._deep and depth < DEEPEST:
            for name in known.folders:
                yield from self._walk(f"{relative}/{name}", depth + 1)

    def _known_of(self, relative: str) -> Known:
        with opened(self._data, relative) as handle:
            changed_ns = os.fstat(handle).st_mtime_ns
            old = self._known.get(relative)
            if old and not self._grows and old.changed_ns == changed_ns and self._clock.wall_ns() - changed_ns > SETTLED_NS:
                return old
            return self._summed(changed_ns, self._listed(relative, handle))

    def _listed(self, relative: str, handle: int) -> Listing:
        there = listed(handle)
        for name, error in there.faults:
            self._on_fault(f"{self.name}: {relative}/{name} cannot be read", error)
        return there

    def _summed(self, changed_ns: int, there: Listing) -> Known:
        files = [file for file in there.files if self._counted(file.name)]
        fixed = sum(file.bytes for file in files if not self._removable(file.name))
        oldest = min((file.wall_ns for file in files), default=None)
        return Known(changed_ns, sum(file.bytes for file in files), len(files), fixed, oldest, there.folders)

    # ---- what may go

    def items(self, order: Order, skip: int = 0) -> Iterator[Kept]:
        if order == "oldest" and self._by_day:
            return self._day_by_day(self._folder)
        page = PAGE + skip
        every = self._every(self._folder)
        if order == "largest":
            return iter(heapq.nsmallest(page, every, key=lambda item: (-item.bytes, item.wall_ns, item.name)))
        return iter(heapq.nsmallest(page, every, key=_age))

    def _day_by_day(self, relative: str, depth: int = 0) -> Iterator[Kept]:
        there = self._listing(relative)
        yield from sorted(self._here(relative, there), key=_age)
        for name in there.folders if depth < DEEPEST else ():
            yield from self._day_by_day(f"{relative}/{name}", depth + 1)

    def _every(self, relative: str, depth: int = 0) -> Iterator[Kept]:
        there = self._listing(relative)
        yield from self._here(relative, there)
        for name in there.folders if self._deep and depth < DEEPEST else ():
            yield from self._every(f"{relative}/{name}", depth + 1)

    def _here(self, relative: str, there: Listing) -> Iterator[Kept]:
        prefix = f"{relative}/" if relative else ""
        return (Kept(prefix + file.name, file.bytes, file.wall_ns) for file in there.files if self._removable(file.name))

    def _listing(self, relative: str) -> Listing:
        """Empty where it cannot be read: the folders beside it are looked through all the same."""
        try:
            with opened(self._data, relative) as handle:
                return self._listed(relative, handle)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._on_fault(f"{self.name}: {relative} cannot be read", error)
        return Listing((), ())

    def remove(self, item: Kept, why: str) -> None:
        remove_file(self._data, item.name)
        folder = item.name.rpartition("/")[0]
        self._known.pop(folder, None)
        while folder.startswith(f"{self._folder}/"):
            remove_empty(self._data, folder)
            folder = folder.rpartition("/")[0]


def _age(item: Kept) -> tuple[int, str]:
    return item.wall_ns, item.name
