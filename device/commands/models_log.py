"""`vedette models log`: what became of what was pushed to this box, step by step, out of its ledger."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from contracts.errors import StorageError
from contracts.shown import shown

QUERY = "SELECT id, work, state, code, body FROM ledger ORDER BY id DESC LIMIT ?"
FIRST = "SELECT body FROM ledger WHERE id = ?"
ABOUT = ("rollout", "seq", "mode", "model", "config")


def log(data: Path, most: int, *, as_json: bool) -> int:
    rows = read(data / "update" / "state.sqlite", most)
    if as_json:
        print(json.dumps(rows, indent=1))
    for row in () if as_json else rows:
        print(shown(_line(row)))
    if not rows:
        print("nothing was assigned to this box yet; `vedette check` says whether it could be", file=sys.stderr)
    return 0


def read(path: Path, most: int) -> list[dict[str, Any]]:
    """Oldest first, each with what its assignment was about. Only read: the box may be at it."""
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)) as connection:
            found = connection.execute(QUERY, (most,)).fetchall()
            begun = {work: connection.execute(FIRST, (work,)).fetchone() for work in {row[1] for row in found}}
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {error}; run this as root, or as the service's user") from error
    about = {work: json.loads(row[0]) if row else {} for work, row in begun.items()}
    return [_row(each, about[each[1]]) for each in reversed(found)]


def _row(found: tuple[int, int, str, str | None, str], about: dict[str, Any]) -> dict[str, Any]:
    number, _, state, code, text = found
    said = json.loads(text)
    return {"number": number, "at": said.get("at"), "state": state, "code": code, "words": said.get("words", ""),
            **{name: about.get(name) for name in ABOUT}}  # fmt: skip


def _line(row: dict[str, Any]) -> str:
    model, config = row["model"], row["config"]
    parts = [f"{model['name']} {model['version']}"] if model else []
    parts += [f"configuration {config['rev']}"] if config else []
    said = " ".join(part for part in (row["code"] or "", row["words"]) if part)
    return f"{row['at']}  {row['state']:11}  {' and '.join(parts) or 'keep what runs'}  ({row['rollout']})  {said}".rstrip()
