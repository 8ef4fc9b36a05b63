"""ExportShelf: training data; what the trainer has acknowledged is offered first, what only this box has is marked as such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

from contracts.removal import Order
from device.keep.shelf import Foreign, Kept, Totals, ours

PAGE = 256


class Export(Protocol):
    """The smallest thing of a data set that can go as a whole: a picture with all that is said of it, or a closed segment."""

    @property
    def name(self) -> str:
        """Its path below the data folder."""
        ...

    @property
    def bytes(self) -> int: ...
    @property
    def files(self) -> int: ...
    @property
    def wall_ns(self) -> int: ...
    @property
    def pinned(self) -> bool: ...


class Exports(Protocol):
    """What a data set offers to the janitor, who calls from his own thread."""

    @property
    def distrusted(self) -> str:
        """Why nothing may be removed now; empty: all is well."""
        ...

    def first(self, limit: int, order: Order, *, acknowledged: bool) -> Sequence[Export]:
        """Closed ones that are not pinned, oldest or largest first; either those that the trainer has, or those that it has not."""
        ...

    def totals(self) -> Totals: ...

    def remove(self, name: str, why: str) -> None:
        """Harmless when it is gone; StorageError where the disk refuses."""
        ...


class ExportShelf:
    def __init__(self, exports: Exports, foreign: Foreign = ours) -> None:
        self.name = "exports"
        self._exports, self._foreign = exports, foreign

    @property
    def distrusted(self) -> str:
        return self._foreign() or self._exports.distrusted

    def items(self, order: Order, skip: int = 0) -> Iterator[Kept]:
        return chain.from_iterable(self._some(order, skip, has) for has in (True, False))

    def _some(self, order: Order, skip: int, acknowledged: bool) -> Iterator[Kept]:
        for each in self._exports.first(PAGE + skip, order, acknowledged=acknowledged):
            yield Kept(each.name, each.bytes, each.wall_ns, each.files, each.pinned, acknowledged)

    def remove(self, item: Kept, why: str) -> None:
        self._exports.remove(item.name, why)

    def totals(self) -> Totals:
        return self._exports.totals()
