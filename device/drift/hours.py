"""Hours: the windows on disk, so that a restart goes on with the hour it was in."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from contracts.drift import DriftWindow
from contracts.errors import StorageError
from device.drift.window import Window
from device.pipeline.sqlite_file import Unreadable, lacking, opened, set_aside, transaction

log = logging.getLogger(__name__)
WAIT_S = 2.0
ALL_CLASSES = 1 << 20  # nothing is left out on the disk
MIGRATIONS = (
    """
    CREATE TABLE windows (hour INTEGER NOT NULL, boot TEXT NOT NULL, camera TEXT NOT NULL, model TEXT NOT NULL,
                          offset_ns INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (hour, boot, camera, model)) WITHOUT ROWID;
    """,
)


@dataclass(frozen=True, slots=True)
class Key:
    """`hour` since 1970; `boot` is empty when the clock was known, else the boot whose wrong clock `hour` was counted by."""

    hour: int
    boot: str
    camera: str
    model: str


class Hours:
    """Of one thread. StorageError when the disk refuses; a file that cannot be read is set aside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: sqlite3.Connection | None = None

    def save(self, windows: Mapping[Key, Window], offset_ns: int) -> None:
        """One transaction; `offset_ns`: of the wall clock to the monotonic one, by which a wrong clock is put right later."""
        rows = [
            (key.hour, key.boot, key.camera, key.model, offset_ns, window.told(key.camera, key.model, ALL_CLASSES).model_dump_json())
            for key, window in windows.items()
        ]
        with self._written() as rows_of:
            rows_of.executemany("INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?)", rows)

    def one(self, key: Key) -> Window | None:
        with _refusing(self._path):
            where = "hour = ? AND boot = ? AND camera = ? AND model = ?"
            found = self._opened().execute(f"SELECT body FROM windows WHERE {where}", (key.hour, key.boot, key.camera, key.model))  # noqa: S608
            row = found.fetchone()
        return _window(row[0]) if row else None

    def since(self, hour: int) -> dict[Key, Window]:
        """Those whose time is known."""
        with _refusing(self._path):
            query = "SELECT hour, boot, camera, model, body FROM windows WHERE hour >= ? AND boot = ''"
            rows = self._opened().execute(query, (hour,)).fetchall()
        return {Key(*row[:4]): window for row in rows if (window := _window(row[4]))}

    def undated(self) -> list[tuple[Key, int, Window]]:
        """Those whose time is not known, each with its offset."""
        with _refusing(self._path):
            query = "SELECT hour, boot, camera, model, offset_ns, body FROM windows WHERE boot != '' ORDER BY hour"
            rows = self._opened().execute(query).fetchall()
        return [(Key(*row[:4]), row[4], window) for row in rows if (window := _window(row[5]))]

    def forget(self, before_hour: int, *, undated: bool) -> None:
        """What is older; `undated`: whose time was not known too."""
        with self._written() as rows_of:
            rows_of.execute("DELETE FROM windows WHERE boot = '' AND hour < ?", (before_hour,))
            if undated:
                rows_of.execute("DELETE FROM windows WHERE boot != ''")

    def close(self) -> None:
        if self._rows is not None:
            with suppress(sqlite3.Error):
                self._rows.close()
            self._rows = None

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        with _refusing(self._path), transaction(self._opened()) as rows:
            yield rows

    def _opened(self) -> sqlite3.Connection:
        if self._rows is None:
            try:
                self._rows = opened(self._path, MIGRATIONS, "windows", wait_s=WAIT_S)
            except (sqlite3.DatabaseError, Unreadable) as error:
                if lacking(error):
                    raise
                log.warning("%s could not be read (%s); it was kept as %s", self._path, error, set_aside(self._path).name)
                self._rows = opened(self._path, MIGRATIONS, "windows", wait_s=WAIT_S)
        return self._rows


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{path}: {error}; see that the disk has room and can be written") from error


def _window(body: str) -> Window | None:
    try:
        return Window.of(DriftWindow.model_validate_json(body))
    except ValidationError as error:
        log.warning("a window of drift could not be read and is left out: %s", error.errors(include_url=False)[0]["msg"])
        return None
