"""ClipShelf: the clips, through their index; an index that is not sure to be of this disk cleans nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Protocol
from uuid import UUID

from contracts.removal import Order
from device.keep.shelf import Kept, Totals

PAGE = 256  # looked ahead
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FILES = 2  # video and manifest


class Entry(Protocol):
    """What the index knows of a clip."""

    @property
    def id(self) -> UUID: ...
    @property
    def video(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def bytes(self) -> int: ...
    @property
    def pinned(self) -> bool: ...


class Trust(Protocol):
    """True: the index is of this disk, and whole."""

    @property
    def reason(self) -> str: ...
    def __bool__(self) -> bool: ...


class DataDisk(Protocol):
    def fault(self) -> str:
        """Why the disk is not sure to be this box's; empty: it is."""
        ...


class ClipIndex(Protocol):
    @property
    def disk(self) -> DataDisk: ...
    @property
    def trusted(self) -> Trust: ...
    def oldest(self, limit: int, pinned: bool = False) -> Sequence[Entry]: ...
    def largest(self, limit: int, pinned: bool = False) -> Sequence[Entry]: ...

    def totals(self, pinned: bool | None = None) -> Mapping[str, tuple[int, int]]:
        """Clips and their bytes, per camera."""
        ...

    def remove(self, clip: UUID, why: str) -> int:
        """StorageError where the disk refuses, and for one that was pinned meanwhile."""
        ...


class ClipShelf:
    def __init__(self, index: ClipIndex) -> None:
        self.name = "clips"
        self._index = index

    @property
    def distrusted(self) -> str:
        trust = self._index.trusted
        return "" if trust else trust.reason

    def items(self, order: Order, skip: int = 0) -> Iterator[Kept]:
        page = self._index.oldest if order == "oldest" else self._index.largest
        return (_kept(entry) for entry in page(PAGE + skip))

    def remove(self, item: Kept, why: str) -> None:
        self._index.remove(UUID(item.key), why)

    def totals(self) -> Totals:
        every, pinned = self._index.totals(), self._index.totals(True)
        starts = [_wall_ns(entry.start) for kept in (False, True) for entry in self._index.oldest(1, kept)]
        return Totals(
            bytes=sum(size for _, size in every.values()),
            count=sum(count for count, _ in every.values()),
            oldest_wall_ns=min(starts, default=None),
            pinned_bytes=sum(size for _, size in pinned.values()),
        )


def _kept(entry: Entry) -> Kept:
    return Kept(entry.video, entry.bytes, _wall_ns(entry.start), FILES, entry.pinned, key=str(entry.id))


def _wall_ns(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
