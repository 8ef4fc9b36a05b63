"""Facets: which pictures have what said of them, for looking them up by it; derived, so deleted or damaged it is made again."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from contracts.errors import StorageError

Kind = Literal["class", "source", "verified", "camera", "day", "reason", "near"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_CHOICES = 200  # values of a kind that are offered, those of most pictures
TABLES = (
    "CREATE TABLE state (one INTEGER PRIMARY KEY, dataset TEXT NOT NULL, seq INTEGER NOT NULL, pictures INTEGER NOT NULL)",
    (
        "CREATE TABLE keys (key INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, pictures INTEGER NOT NULL,"
        " boxes INTEGER NOT NULL, UNIQUE (kind, value))"
    ),
    "CREATE TABLE facets (key INTEGER, n INTEGER, PRIMARY KEY (key, n)) WITHOUT ROWID",
    "CREATE TABLE said (n INTEGER PRIMARY KEY, keys TEXT NOT NULL)",  # what it is listed under, with its boxes: to be taken back
    "CREATE TABLE near (first BLOB, n INTEGER, PRIMARY KEY (first, n)) WITHOUT ROWID",
)
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-8000", "temp_store=MEMORY", "trusted_schema=OFF")


@dataclass(frozen=True, slots=True)
class Facts:
    """What one picture is listed under: kind and value, with the boxes of it where that is a class."""

    under: Mapping[tuple[Kind, str], int] = field(default_factory=dict)
    near: bytes | None = None  # the first picture that looks nearly the same


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    pictures: int
    boxes: int


class Facets:
    """Threads share it. `seq`: number of the manifest's last line that is in it; `dataset`: of which manifest."""

    def __init__(self, path: Path) -> None:
        self._path, self._turn = path, threading.RLock()
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StorageError(f"{path}: {error}; free some room, or delete it: it is made again") from error
            self._again()

    def _open(self) -> None:
        self._rows = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5)
        for pragma in PRAGMAS:
            self._rows.execute(f"PRAGMA {pragma}")
        found = {text for (text,) in self._rows.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        if found and found != set(TABLES):
            raise sqlite3.DatabaseError("made by another version")
        for table in () if found else TABLES:
            self._rows.execute(table)
        row = self._rows.execute("SELECT dataset, seq, pictures FROM state").fetchone() or ("", 0, 0)
        self.dataset, self.seq, self.pictures = str(row[0]), int(row[1]), int(row[2])

    def _again(self) -> None:
        self._rows.close()
        for end in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        self._open()

    @contextmanager
    def _seam(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            try:
                yield self._rows
            except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:  # the disk refuses, or it is closed
                raise StorageError(f"{self._path}: {error}; free some room, or delete it: it is made again") from error
            except sqlite3.DatabaseError as error:
                self._again()
                raise StorageError(f"{self._path}: {error}; it is being made again") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._seam() as rows:
            rows.execute("BEGIN IMMEDIATE")
            try:
                yield rows
                rows.execute("COMMIT")
            except BaseException:
                if rows.in_transaction:
                    rows.execute("ROLLBACK")
                raise

    def begin(self, dataset: str) -> None:
        """Of another manifest from now on."""
        with self._transaction() as rows:
            for table in ("state", "keys", "facets", "said", "near"):
                rows.execute(f"DELETE FROM {table}")  # noqa: S608  ours
            rows.execute("INSERT INTO state VALUES (1, ?, 0, 0)", (dataset,))
        self.dataset, self.seq, self.pictures = dataset, 0, 0

    def put(self, batch: Sequence[tuple[int, Facts | None]], seq: int) -> None:
        """Pictures by number with all that holds of each, None: it was removed; the manifest is in it up to line `seq`."""
        pictures = self.pictures
        with self._transaction() as rows:
            for n, facts in batch:
                pictures += self._put(rows, n, facts)
            rows.execute("UPDATE state SET seq = ?, pictures = ?", (seq, pictures))
        self.seq, self.pictures = seq, pictures

    def _put(self, rows: sqlite3.Connection, n: int, facts: Facts | None) -> int:
        """How many pictures there are more."""
        before = rows.execute("SELECT keys FROM said WHERE n = ?", (n,)).fetchone()
        if before:
            for key, boxes in json.loads(before[0]):
                rows.execute("DELETE FROM facets WHERE key = ? AND n = ?", (key, n))
                rows.execute("UPDATE keys SET pictures = pictures - 1, boxes = boxes - ? WHERE key = ?", (boxes, key))
            rows.execute("DELETE FROM said WHERE n = ?", (n,))
        if facts is None:
            return -bool(before)
        under = [(self._key(rows, kind, value, boxes), boxes) for (kind, value), boxes in facts.under.items()]
        rows.executemany("INSERT OR IGNORE INTO facets VALUES (?, ?)", [(key, n) for key, _ in under])
        rows.execute("INSERT INTO said VALUES (?, ?)", (n, json.dumps(under)))
        if facts.near:
            rows.execute("INSERT OR IGNORE INTO near VALUES (?, ?)", (facts.near, n))
        return not before

    @staticmethod
    def _key(rows: sqlite3.Connection, kind: Kind, value: str, boxes: int) -> int:
        put = (
            "INSERT INTO keys (kind, value, pictures, boxes) VALUES (?, ?, 1, ?) ON CONFLICT (kind, value) DO UPDATE"
            " SET pictures = pictures + 1, boxes = boxes + excluded.boxes RETURNING key"
        )
        ((key,),) = rows.execute(put, (kind, value, boxes)).fetchall()
        return int(key)

    def choose(self, which: Mapping[Kind, str], before: int | None, limit: int) -> list[int]:
        """Numbers of pictures listed under all of `which`, newest first. The rarest is walked, the others are looked up."""
        with self._seam() as rows:
            asked = "SELECT key, pictures FROM keys WHERE kind = ? AND value = ? AND pictures > 0"
            found = [rows.execute(asked, each).fetchone() for each in which.items()]
            if not found or None in found:
                return []
            first, *others = sorted(found, key=lambda row: int(row[1]))
            also = " AND EXISTS (SELECT 1 FROM facets g WHERE g.key = ? AND g.n = f.n)" * len(others)
            query = f"SELECT n FROM facets f WHERE key = ? AND n < ?{also} ORDER BY n DESC LIMIT ?"  # noqa: S608  ours
            keys = [key for key, _ in others]
            return [n for (n,) in rows.execute(query, (first[0], 1 << 62 if before is None else before, *keys, limit))]

    def choices(self, kind: Kind) -> list[Choice]:
        """Its values, those of most pictures first; days: the newest first."""
        order = "value DESC" if kind == "day" else "pictures DESC, value"
        query = f"SELECT value, pictures, boxes FROM keys WHERE kind = ? AND pictures > 0 ORDER BY {order} LIMIT ?"  # noqa: S608  ours
        with self._seam() as rows:
            return [Choice(*row) for row in rows.execute(query, (kind, MOST_CHOICES))]

    def near(self, first: bytes, limit: int) -> list[int]:
        """Pictures that look nearly like this one, which came before them."""
        with self._seam() as rows:
            return [n for (n,) in rows.execute("SELECT n FROM near WHERE first = ? ORDER BY n LIMIT ?", (first, limit))]

    def close(self) -> None:
        with self._turn:
            self._rows.close()
