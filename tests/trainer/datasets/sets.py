"""Data sets for these tests: items of recordings whose pictures are small files of their own, and a reader of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from dataset.findings import Findings
from dataset.items import Category, Item, Label, Origin


class ListReader:
    """Items that are there already, in the order given."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self.findings = Findings()

    @property
    def categories(self) -> Sequence[Category]:
        return [Category("cat", 1)]

    @property
    def total(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def close(self) -> None:
        pass


def spread(number: int) -> int:
    """Hashes far from each other."""
    return int.from_bytes(sha256(str(number).encode()).digest()[:8], "big")


def picture(folder: Path, number: int, session: str, device: str = "yard-1") -> Item:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.png"
    path.write_bytes(b"picture %d" % number)
    label = Label((1.0 + number, 2.0, 6.0, 7.0), "cat", 0.5, "detection")
    origin = Origin("gate", session, f"e{number}", wall_ns=number * 1_000_000_000, reason="event_best", probability=0.5, device=device)
    return Item(f"i{number}", path.name, 64, 48, (label,), path=path, origin=origin, phash=spread(number))


def pictures(folder: Path, sessions: int, each: int = 3) -> list[Item]:
    return [picture(folder, s * 1000 + n, f"s{s}") for s in range(sessions) for n in range(each)]
