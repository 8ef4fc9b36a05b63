"""Near-duplicates of a set that is read once: each picture is linked to the first that looks nearly the same."""

from __future__ import annotations

import sqlite3
from hashlib import sha256

from contracts.errors import VedetteError
from dataset.items import Item
from dataset.phash import NearIndex, phash
from vision.planes import read_picture

NEAR_BITS = 6  # of 64, as the box links them


class NearSearch:
    """Hashes wait in a temporary database, so memory stays flat. `look` decodes pictures that come without a hash."""

    def __init__(self, look: bool, within: int = NEAR_BITS) -> None:
        self._look, self._within = look, within
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE images (n INTEGER PRIMARY KEY, phash BLOB)")
        self._db.execute(NearIndex.TABLE)
        self._db.execute("CREATE TABLE files (sha256 TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID")
        self._index = NearIndex(self._db)

    def same(self, number: int, item: Item) -> int | None:
        """Number of an earlier picture whose file is the same."""
        digest = item.sha256 or self._digest(item)
        if not digest:
            return None
        found = self._db.execute("SELECT n FROM files WHERE sha256 = ?", (digest,)).fetchone()
        if found is None:
            self._db.execute("INSERT INTO files VALUES (?, ?)", (digest, number))
        return int(found[0]) if found else None

    def _digest(self, item: Item) -> str:
        if not self._look or item.path is None:
            return ""
        try:
            with item.path.open("rb") as file:
                digest = sha256()
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                return digest.hexdigest()
        except OSError:
            return ""  # `dataset check` says what is wrong with it

    def nearest(self, number: int, item: Item) -> int | None:
        """Number of the earlier picture that is nearly the same."""
        value = item.phash if item.phash is not None else self._hash(item)
        if value is None:
            return None
        found = self._index.nearest(value, self._within)
        if found is not None:
            return found[1]
        self._db.execute("INSERT INTO images VALUES (?, ?)", (number, value.to_bytes(8, "big")))
        self._index.add(number, value)
        return None

    def _hash(self, item: Item) -> int | None:
        if not self._look or item.path is None:
            return None
        try:
            return phash(read_picture(item.path.read_bytes(), item.file).bgr())
        except (VedetteError, OSError):
            return None  # `dataset check` says what is wrong with it

    def close(self) -> None:
        self._db.close()
