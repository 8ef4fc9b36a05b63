"""Shelf: one class of files that are kept; the janitor sees nothing of them but this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from contracts.removal import Order

Fault = Callable[[str, Exception], None]  # what was being done, and what the disk said

Foreign = Callable[[], str]  # why the data folder is not sure to be this box's; empty: it is


def ours() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that is kept and can be removed as a whole."""

    name: str  # its path below the data folder; names it for good
    bytes: int
    wall_ns: int  # its own time: when it was captured or written
    files: int = 1
    pinned: bool = False
    acknowledged: bool = True  # False: training data that only this box has
    key: str = ""  # what the shelf knows it by, where that is not the name


@dataclass(frozen=True, slots=True)
class Totals:
    bytes: int = 0
    count: int = 0
    oldest_wall_ns: int | None = None
    pinned_bytes: int = 0
    unacknowledged_bytes: int = 0
    fixed_bytes: int = 0  # never offered: open, or not for removal


class Shelf(Protocol):
    """Called from the janitor's thread alone. May raise OSError or StorageError; one file that fails is left out and told to `Fault`."""

    @property
    def name(self) -> str: ...

    @property
    def distrusted(self) -> str:
        """Why nothing may be removed now (an index of another disk, one that is not whole); empty: all is well."""
        ...

    def items(self, order: Order, skip: int = 0) -> Iterator[Kept]:
        """What could be removed, in order, as far as the shelf looks ahead: always more than `skip` where there is more."""
        ...

    def remove(self, item: Kept, why: str) -> None:
        """Gone when it returns; harmless when it is gone already."""
        ...

    def totals(self) -> Totals: ...
