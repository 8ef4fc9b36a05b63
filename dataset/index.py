"""Index: what the manifest says, for looking up: derived, never the truth; deleted or damaged it is made again out of the manifest."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from os import pread
from pathlib import Path

from contracts.errors import StorageError
from dataset.known import KNOWN, Held, Known, known_of
from dataset.lines import read_lines
from dataset.phash import NearIndex
from dataset.records import Sums, apply, read_record

EACH = 5000  # lines of a transaction
TAIL = 4096  # bytes before what was applied, by which the manifest is known again
TABLES = (
    "CREATE TABLE state (one INTEGER PRIMARY KEY, end INTEGER, lines INTEGER, damaged INTEGER, tail BLOB, acked_end INTEGER)",
    (
        "CREATE TABLE images (n INTEGER PRIMARY KEY, id BLOB UNIQUE NOT NULL, phash BLOB, head INTEGER, bytes INTEGER, first INTEGER,"
        " last INTEGER, us INTEGER, acked INTEGER DEFAULT 0, removed INTEGER DEFAULT 0, boxes INTEGER DEFAULT 0)"
    ),
    "CREATE TABLE records (seq INTEGER PRIMARY KEY, start INTEGER, image INTEGER, id BLOB UNIQUE NOT NULL)",
    "CREATE INDEX records_of ON records (image, seq)",
    "CREATE TABLE counts (name TEXT PRIMARY KEY, n INTEGER)",
    "CREATE TABLE sessions (name TEXT PRIMARY KEY, first_us INTEGER, last_us INTEGER)",
    "CREATE TABLE stale (image INTEGER PRIMARY KEY, written INTEGER DEFAULT 0)",
    NearIndex.TABLE,
)
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-16000", "temp_store=MEMORY", "trusted_schema=OFF", "foreign_keys=OFF")


class Index:
    """One connection, used by one thread at a time. `path` need not be beside the manifest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if _refused(error):
                raise StorageError(f"{path}: {error}; free some room, or delete it: it is made again") from error
            self.again()

    @property
    def near(self) -> NearIndex:
        return NearIndex(self._rows)

    def _open(self) -> None:
        self._rows = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        for pragma in PRAGMAS:
            self._rows.execute(f"PRAGMA {pragma}")
        found = {text for (text,) in self._rows.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        if not found:
            with self.transaction():
                for table in TABLES:
                    self._rows.execute(table)
        elif found != set(TABLES):
            raise sqlite3.DatabaseError("made by another version, or by another program")
        self._load()

    def again(self) -> None:
        """An empty one in its place: what was applied is of another manifest, or unreadable."""
        self._rows.close()
        for end in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        self._open()
        self._load()

    def _load(self) -> None:
        row = self._rows.execute("SELECT end, lines, damaged, tail, acked_end FROM state").fetchone() or (0, 0, 0, b"", 0)
        self.end: int = row[0]  # of the manifest, as far as it was applied
        self.lines: int = row[1]
        self.damaged: int = row[2]
        self._tail: bytes = row[3]
        self.acked_end: int = row[4]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; StorageError when the disk refuses, and the next `catch_up` does it again."""
        try:
            self._rows.execute("BEGIN IMMEDIATE")
            yield self._rows
            self._rows.execute("COMMIT")
        except BaseException as error:
            if self._rows.in_transaction:
                self._rows.execute("ROLLBACK")
            self._load_quietly()
            if isinstance(error, sqlite3.OperationalError):
                raise StorageError(f"{self._path}: {error}; free some room, or delete it: it is made again") from error
            raise

    def _load_quietly(self) -> None:
        try:
            self._load()
        except sqlite3.DatabaseError:
            self.end = self.lines = self.damaged = self.acked_end = 0

    def knows(self, manifest: int, size: int) -> bool:
        """Whether what was applied is the beginning of this manifest."""
        if self.end > size:
            return False
        start = max(0, self.end - TAIL)
        return sha256(pread(manifest, self.end - start, start)).digest() == self._tail if self.end else True

    def catch_up(self, manifest: int) -> None:
        """Apply what the manifest has more; whole lines only."""
        while self._some(manifest) == EACH:
            pass

    def _some(self, manifest: int) -> int:
        sums, done = Sums(), 0
        with self.transaction() as rows:
            self._load()  # another process may have applied some
            for line in islice(read_lines(manifest, self.end), EACH):
                if not line.whole:
                    break
                self.end, self.lines, done = line.end, self.lines + 1, done + 1
                record = read_record(line.text)
                if record is None:
                    self.damaged += 1
                else:
                    apply(rows, record, self.lines, line.start, sums)
            if done:
                sums.save(rows)
                start = max(0, self.end - TAIL)
                self._tail = sha256(pread(manifest, self.end - start, start)).digest()
                self._save(rows)
        return done

    def _save(self, rows: sqlite3.Connection) -> None:
        state = (self.end, self.lines, self.damaged, self._tail, self.acked_end)
        rows.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?)", state)

    def acknowledge(self, marks: Iterable[tuple[bytes, int]], end: int) -> None:
        """Pictures of which somebody has everything up to a record; the log of them was applied up to `end`."""
        with self.transaction() as rows:
            rows.executemany("UPDATE images SET acked = max(acked, ?) WHERE id = ?", [(upto, key) for key, upto in marks])
            self._load()
            self.acked_end = end
            self._save(rows)

    def picture(self, image_id: str) -> Known | None:
        row = self._rows.execute(f"SELECT {KNOWN} FROM images WHERE id = ?", (bytes.fromhex(image_id),)).fetchone()  # noqa: S608  ours
        return known_of(row) if row else None

    def numbered(self, number: int) -> Known:
        return known_of(self._rows.execute(f"SELECT {KNOWN} FROM images WHERE n = ?", (number,)).fetchone())  # noqa: S608  ours

    def pictures(self, after: int = 0, live: bool = True, limit: int = 1000) -> list[Known]:
        """Oldest first, those behind number `after`: a page at a time, so that nothing is held open."""
        alive = "removed = 0 AND" if live else ""
        query = f"SELECT {KNOWN} FROM images WHERE {alive} n > ? ORDER BY n LIMIT ?"  # noqa: S608  ours
        return [known_of(row) for row in self._rows.execute(query, (after, limit))]

    def offered(self, limit: int, largest: bool, acknowledged: bool) -> list[Known]:
        """What could be removed, oldest or largest first; either what somebody else has, or what nobody has."""
        has, order = ">=" if acknowledged else "<", "bytes DESC, n" if largest else "n"
        query = f"SELECT {KNOWN} FROM images WHERE removed = 0 AND acked {has} last ORDER BY {order} LIMIT ?"  # noqa: S608  ours
        return [known_of(row) for row in self._rows.execute(query, (limit,))]

    def held(self) -> Held:
        query = "SELECT sum(bytes), count(*), min(us), sum(CASE WHEN acked < last THEN bytes END) FROM images WHERE removed = 0"
        size, count, oldest_us, unacknowledged = self._rows.execute(query).fetchone()
        return Held(size or 0, count, oldest_us, unacknowledged or 0)

    def starts(self, number: int, newest: int = -1) -> list[int]:
        """Where the lines of a picture begin, in order; of the `newest` so many."""
        rows = self._rows.execute("SELECT start FROM records WHERE image = ? ORDER BY seq DESC LIMIT ?", (number, newest))
        return [start for (start,) in rows][::-1]

    def observations(self, known: Known) -> int:
        """How many lines there are of a picture, removals included."""
        return int(self._rows.execute("SELECT count(*) FROM records WHERE image = ?", (known.n,)).fetchone()[0])

    def distrust(self) -> None:
        """After a crash: what was written may not be on the disk."""
        with self.transaction() as rows:
            rows.execute("UPDATE stale SET written = 0")

    def stale(self, limit: int) -> list[int]:
        """Pictures whose annotation file is to be written."""
        return [n for (n,) in self._rows.execute("SELECT image FROM stale WHERE written = 0 ORDER BY image LIMIT ?", (limit,))]

    def written(self, numbers: Iterable[int]) -> None:
        with self.transaction() as rows:
            rows.executemany("UPDATE stale SET written = 1 WHERE image = ?", [(number,) for number in numbers])

    def settled(self) -> None:
        with self.transaction() as rows:
            rows.execute("DELETE FROM stale WHERE written = 1")

    def has_record(self, record_id: bytes) -> bool:
        return self._rows.execute("SELECT 1 FROM records WHERE id = ?", (record_id,)).fetchone() is not None

    def count(self, query: str) -> tuple[int, ...]:
        """One row of numbers, for the totals."""
        return tuple(int(each or 0) for each in self._rows.execute(query).fetchone())

    def counts(self) -> dict[str, int]:
        return dict(self._rows.execute("SELECT name, n FROM counts"))

    def close(self) -> None:
        self._rows.close()


def _refused(error: sqlite3.DatabaseError) -> bool:
    """The disk's fault, not the file's."""
    return isinstance(error, sqlite3.OperationalError) and any(
        word in str(error) for word in ("full", "readonly", "unable to open", "I/O", "locked")
    )
