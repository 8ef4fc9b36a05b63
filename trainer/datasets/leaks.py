"""Leaks: the same picture, or nearly, on two sides of a split."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from contracts.errors import StorageError, VedetteError
from contracts.split import SIDES, Side
from dataset.items import Item
from dataset.near import NEAR_BITS
from dataset.phash import NearIndex, phash
from vision.planes import read_picture

ROOM = "the temporary folder refuses; set TMPDIR to one with room"


@dataclass(frozen=True, slots=True)
class Leak:
    """`late` came after `early`, which is on another side."""

    late: str
    late_side: Side
    early: str
    early_side: Side
    bits: int  # in which their hashes differ; 0 for the same file too

    def words(self) -> str:
        return f"{self.late} ({self.late_side}) is nearly {self.early} ({self.early_side}): {self.bits} of 64 bits differ"


class LeakSearch:
    """Every picture is compared with all that came before it on the other sides; hashes wait in a temporary database."""

    def __init__(self, within: int = NEAR_BITS) -> None:
        self._within = within
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE images (n INTEGER PRIMARY KEY, name TEXT)")
        self._db.execute("CREATE TABLE files (picture TEXT, side TEXT, n INTEGER, PRIMARY KEY (picture, side)) WITHOUT ROWID")
        self._db.execute("CREATE TABLE hashes (phash BLOB, side TEXT, PRIMARY KEY (phash, side)) WITHOUT ROWID")
        self._bands = {side: _bands() for side in SIDES}
        self._near = {side: NearIndex(own) for side, own in self._bands.items()}
        self._count = 0

    def look(self, item: Item, picture: str, value: int | None, side: Side) -> Leak | None:
        """The leak that this one would be; `value` is what `hash_of` says. `add` it where it stays."""
        try:
            for other in (other for other in SIDES if other != side):
                row = self._db.execute("SELECT n FROM files WHERE picture = ? AND side = ?", (picture, other)).fetchone()
                if row is not None:
                    return Leak(item.id, side, self._name(row[0]), other, 0)
            for other in (other for other in SIDES if other != side and value is not None):
                found = self._near[other].nearest(value or 0, self._within)
                if found is not None:
                    return Leak(item.id, side, self._name(found[1]), other, found[0])
        except sqlite3.Error as error:
            raise StorageError(f"{ROOM}: {error}") from error
        return None

    def add(self, item: Item, picture: str, value: int | None, side: Side) -> None:
        self._count += 1
        try:
            self._db.execute("INSERT INTO images VALUES (?, ?)", (self._count, item.id))
            self._db.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?)", (picture, side, self._count))
            new = value is not None and self._db.execute(
                "INSERT OR IGNORE INTO hashes VALUES (?, ?)", (value.to_bytes(8, "big"), side)
            ).rowcount  # fmt: skip
            if value is not None and new:
                self._near[side].add(self._count, value)
        except sqlite3.Error as error:
            raise StorageError(f"{ROOM}: {error}") from error

    def _name(self, number: int) -> str:
        return str(self._db.execute("SELECT name FROM images WHERE n = ?", (number,)).fetchone()[0])

    def close(self) -> None:
        for connection in (self._db, *self._bands.values()):
            connection.close()


def _bands() -> sqlite3.Connection:
    """A database for each side: NearIndex names its table itself."""
    own = sqlite3.connect("", isolation_level=None)
    own.execute("PRAGMA journal_mode=OFF")
    own.execute(NearIndex.TABLE)
    return own


def hash_of(item: Item) -> int | None:
    """As the set knows it, else of the picture; None for what cannot be read, which `dataset check` tells."""
    if item.phash is not None or item.path is None:
        return item.phash
    try:
        return phash(read_picture(item.path.read_bytes(), item.file).bgr())
    except (VedetteError, OSError):
        return None
