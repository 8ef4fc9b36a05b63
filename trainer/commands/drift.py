"""vedette-trainer drift: what drifted, since when, and whether the moment to retrain has come."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from contracts.shown import shown

SUMMARY = "say what drifted on which boxes, since when, and whether the moment to retrain has come"
PAGE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
    store = "a SQLite file, or postgresql://user@host/name (or set VEDETTE_STORE; default store.sqlite of the home)"
    parser.add_argument("--store", metavar="STORE", help=store)
    parser.add_argument("--device", metavar="BOX", help="only this box")
    parser.add_argument("--model", metavar="DIGEST", default="", help="only this model")
    parser.add_argument("--all", action="store_true", help="what did not drift too")
    parser.add_argument("--json", action="store_true", help="print JSON, with the last week hour by hour")


def run(args: argparse.Namespace) -> int:
    """What came is judged first, so that it says how it is now."""
    from trainer.clock import SystemClock
    from trainer.drift.options import options_of
    from trainer.drift.watch import Watch
    from trainer.home import Home, home_path
    from trainer.store.database import Database

    home = Home(home_path(args.home))
    database = Database(args.store or home.store)
    try:
        Watch(database, SystemClock(), lambda: options_of(home)).step()
        found = _found(database, args)
    finally:
        database.close()
    print(json.dumps(found, indent=1) if args.json else shown("\n".join(_lines(found))))
    return 0


def _found(database: Any, args: argparse.Namespace) -> dict[str, Any]:
    from trainer.drift.listing import Wanted, listed

    rows: list[dict[str, Any]] = []
    after: str | None = ""
    page: dict[str, Any] = {"calls": []}
    while after is not None:
        page = listed(database, Wanted(args.device, args.model, "" if args.all else "drift", PAGE, after))
        rows, after = rows + page["standing"], page["next"]
    return {"calls": page["calls"], "standing": rows}


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [call["words"] for call in found["calls"]]
    for row in found["standing"]:
        where = "/".join(part for part in (row["device"] or "all boxes", row["camera"]) if part)
        lines.append(f"{where:40} {row['state']:8} {_words(row)}")
    return lines or ["nothing has drifted"]


def _words(row: dict[str, Any]) -> str:
    if row["state"] == "learning":
        return f"day {row['distance']:.0f} of {row['bound']:.0f} of what is normal"
    if row["distance"] is None:
        return f"{row['name']}: too little was seen"
    far = f"distance {row['distance']:.3f}, {row['bound']:.3f} is the bound"
    return f"{row['words'] or row['name']}, {far}" + (f", since {row['since']}" if row["since"] else "")
