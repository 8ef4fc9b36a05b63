"""Catalogue: data sets that were taken in, picture by picture, so that the pictures of an event, a session, a box are found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dataset.items import Item
from dataset.native import NativeReader
from trainer.store.blobs import Blobs
from trainer.store.database import Database
from trainer.store.tables import blobs, exports, items

EACH = 500  # pictures of a transaction


def insert_or_ignore(connection: Connection, table: Any) -> Any:
    """INSERT that leaves alone what is there."""
    made = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    return made.on_conflict_do_nothing()


def take_in(database: Database, kept: Blobs, folder: Path, now_us: int) -> int:
    """Every picture that came since the last time; how many. Killed at any instant it goes on where it was, and nothing is there twice."""
    reader = NativeReader(folder)
    try:
        export, upto = _export(database, str(folder.resolve()), now_us)
        waiting = (item for item in reader.following(upto))
        count = 0
        while chunk := list(islice(waiting, EACH)):
            rows = [row for item in chunk if (row := _row(kept, export, item))]
            with database.write() as connection:
                _write(connection, rows, now_us)
                connection.execute(update(exports).where(exports.c.number == export).values(upto=chunk[-1].number))
            count += len(rows)
        return count
    finally:
        reader.close()


def _export(database: Database, folder: str, now_us: int) -> tuple[int, int]:
    with database.write() as connection:
        connection.execute(insert_or_ignore(connection, exports), {"folder": folder, "came_us": now_us})
        row = connection.execute(select(exports.c.number, exports.c.upto).where(exports.c.folder == folder)).one()
    return int(row.number), int(row.upto)


def _row(kept: Blobs, export: int, item: Item) -> dict[str, object] | None:
    """None: its picture is not there any more."""
    if item.path is None:
        return None
    origin = item.origin
    return {
        "export": export,
        "image": item.id,
        "sha256": kept.put(item.path),
        "bytes": item.path.stat().st_size,
        "device": origin.device,
        "session": origin.session,
        "camera": origin.camera,
        "event": origin.event,
        "t_us": (origin.wall_ns or 0) // 1000,
        "reason": origin.reason,
        "probability": origin.probability or 1.0,
    }


def _write(connection: Connection, rows: Sequence[dict[str, object]], now_us: int) -> None:
    if not rows:
        return
    found = [{"sha256": row["sha256"], "bytes": row.pop("bytes"), "came_us": now_us} for row in rows]
    connection.execute(insert_or_ignore(connection, blobs), found)
    connection.execute(insert_or_ignore(connection, items), list(rows))
