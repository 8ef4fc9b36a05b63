"""Entry: what the index knows of a clip without opening a file of it; and its rows in SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from contracts.clip import Clip
from device.record.index_file import IndexFile

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
US = timedelta(microseconds=1)
COLUMNS = """c.id, f.path || '/' || c.name, c.camera, f.day, c.recording, c.start_us, c.end_us, c.bytes, c.sha256, c.state, c.events,
             c.pinned, c.going, c.manifest_bytes, c.manifest_ns, c.verified_us"""
FROM = "FROM clips c JOIN folders f ON f.number = c.folder"
KEPT = "c.going IS NULL"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the index. `video` is the path of the video relative to the data folder, and the row's key: a clip that was
    recorded twice has the same id at two paths."""

    id: UUID
    video: str
    camera: str
    day: str
    group: UUID | None  # the recording it is part of
    start: datetime
    end: datetime
    bytes: int  # video and manifest, as they lie on the disk
    sha256: str
    state: str  # complete, recovered
    events: int
    pinned: bool
    going: str | None = None  # why it is being removed, when that has begun
    manifest_bytes: int = 0
    manifest_ns: int = 0  # time of change
    verified: datetime | None = None  # when the hash was last found right; not in the manifest: lost when the index is built again

    @property
    def folder(self) -> str:
        return self.video.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.video.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Found:
    """A clip on the disk, as far as names and sizes say it."""

    video: str  # relative to the data folder
    bytes: int  # with the manifest
    manifest_bytes: int
    manifest_ns: int
    pinned: bool

    @property
    def mark(self) -> tuple[int, ...]:
        return self.bytes, self.manifest_bytes, self.manifest_ns, self.pinned


def entry_of(clip: Clip, found: Found) -> Entry:
    """What the row of a clip says; `day` is that of its folder."""
    return Entry(
        id=clip.id,
        video=found.video,
        camera=clip.camera,
        day=found.video.split("/")[-2],
        group=clip.group,
        start=clip.start,
        end=clip.end,
        bytes=found.bytes,
        sha256=clip.sha256,
        state=clip.state,
        events=len(clip.events),
        pinned=found.pinned,
        manifest_bytes=found.manifest_bytes,
        manifest_ns=found.manifest_ns,
    )


def from_row(row: tuple[Any, ...]) -> Entry:
    number, video, camera, day, group, start, end, size, sha256, state, events, pinned, going, manifest_bytes, manifest_ns, verified = row
    return Entry(
        id=UUID(bytes=number),
        video=video,
        camera=camera,
        day=day,
        group=UUID(bytes=group) if group else None,
        start=EPOCH + start * US,
        end=EPOCH + end * US,
        bytes=size,
        sha256=sha256.hex(),
        state=state,
        events=events,
        pinned=bool(pinned),
        going=going,
        manifest_bytes=manifest_bytes,
        manifest_ns=manifest_ns,
        verified=None if verified is None else EPOCH + verified * US,
    )


def us_of(moment: datetime) -> int:
    return (moment - EPOCH) // US


def folder_number(write: sqlite3.Connection, path: str) -> int:
    """The folder's row, made when there is none; it is not settled before it was read whole."""
    found = write.execute("SELECT number FROM folders WHERE path = ?", (path,)).fetchone()
    if found:
        return int(found[0])
    made = write.execute("INSERT INTO folders (path, day, settled_ns) VALUES (?, ?, -1)", (path, path.rpartition("/")[2]))
    return int(made.lastrowid or 0)


def put(write: sqlite3.Connection, entry: Entry, clip: Clip) -> None:
    """The row as it is now; one that was there is written over, and stays verified while its hash and size are the same."""
    values = (
        entry.id.bytes, folder_number(write, entry.folder), entry.name, entry.camera, entry.group.bytes if entry.group else None,
        us_of(entry.start), us_of(entry.end), entry.bytes, bytes.fromhex(entry.sha256), entry.state, entry.events, entry.pinned,
        entry.manifest_bytes, entry.manifest_ns,
    )  # fmt: skip
    ((number,),) = write.execute(
        """INSERT INTO clips (id, folder, name, camera, recording, start_us, end_us, bytes, sha256, state, events, pinned,
                              manifest_bytes, manifest_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (folder, name) DO UPDATE SET id = excluded.id, camera = excluded.camera, recording = excluded.recording,
             start_us = excluded.start_us, end_us = excluded.end_us, sha256 = excluded.sha256, state = excluded.state,
             events = excluded.events, pinned = excluded.pinned, manifest_bytes = excluded.manifest_bytes,
             manifest_ns = excluded.manifest_ns, going = NULL,
             verified_us = CASE WHEN sha256 = excluded.sha256 AND bytes = excluded.bytes THEN verified_us END, bytes = excluded.bytes
           RETURNING number""",
        values,
    ).fetchall()
    write.execute("DELETE FROM causes WHERE clip = ?", (number,))
    write.executemany("INSERT OR IGNORE INTO causes (event, clip) VALUES (?, ?)", [(cause.id.bytes, number) for cause in clip.events])


def drop(write: sqlite3.Connection, video: str) -> None:
    """Forget the row of a video; no file is touched."""
    found = _number(write, video)
    if found:
        write.execute("DELETE FROM causes WHERE clip = ?", found)
        write.execute("DELETE FROM clips WHERE number = ?", found)


def verify(write: sqlite3.Connection, video: str, at: datetime) -> None:
    if found := _number(write, video):
        write.execute("UPDATE clips SET verified_us = ? WHERE number = ?", (us_of(at), *found))


def _number(write: sqlite3.Connection, video: str) -> tuple[int] | None:
    folder, _, name = video.rpartition("/")
    sql = "SELECT c.number FROM clips c JOIN folders f ON f.number = c.folder WHERE f.path = ? AND c.name = ?"
    found: tuple[int] | None = write.execute(sql, (folder, name)).fetchone()
    return found


@dataclass(frozen=True, slots=True)
class Filter:
    """Which clips are asked for; None: any."""

    before: datetime | None = None  # began earlier
    since: datetime | None = None  # began then or later
    camera: str | None = None
    day: str | None = None  # `2026-11-22`, UTC
    event_id: UUID | None = None
    group: UUID | None = None
    pinned: bool | None = None
    state: str | None = None  # complete, recovered

    def where(self) -> tuple[str, list[object]]:
        """The condition, and its values; clips that are being removed are never asked for."""
        tests: list[tuple[str, object]] = [
            ("c.start_us < ?", None if self.before is None else us_of(self.before)),
            ("c.start_us >= ?", None if self.since is None else us_of(self.since)),
            ("c.camera = ?", self.camera),
            ("c.folder IN (SELECT number FROM folders WHERE day = ?)", self.day),
            ("c.number IN (SELECT clip FROM causes WHERE event = ?)", self.event_id.bytes if self.event_id else None),
            ("c.recording = ?", self.group.bytes if self.group else None),
            ("c.pinned = ?", self.pinned),
            ("c.state = ?", self.state),
        ]
        chosen = [(test, value) for test, value in tests if value is not None]
        return " AND ".join([KEPT, *(test for test, _ in chosen)]), [value for _, value in chosen]


ANY = Filter()


def rows_of(file: IndexFile, folder: str) -> list[Entry]:
    """Of one day folder, by its path relative to the data; those being removed too."""
    return [from_row(row) for row in file.read(f"SELECT {COLUMNS} {FROM} WHERE f.path = ?", folder)]


def folders_of(file: IndexFile) -> list[str]:
    return [path for (path,) in file.read("SELECT path FROM folders ORDER BY path")]


def matching(file: IndexFile, text: str, limit: int = 50) -> list[Entry]:
    """By the beginning of an id, with or without its dashes, or by the path of a video; what is being removed is not there any more."""
    digits = text.replace("-", "").upper()
    if digits and not digits.strip("0123456789ABCDEF"):
        test, values = "hex(c.id) GLOB ?", [f"{digits}*"]
    else:
        test, values = "f.path = ? AND c.name = ?", [*text.rpartition("/")[::2]]
    return [from_row(row) for row in file.read(f"SELECT {COLUMNS} {FROM} WHERE {KEPT} AND {test} LIMIT ?", *values, limit)]
