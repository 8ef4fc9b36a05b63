"""vedette-trainer store: the trainer's database: what is in it, brought up to date, pictures of a data set taken in."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from contracts.shown import shown

SUMMARY = "the trainer's store: what is in it (status), a newer version of it (upgrade), a data set's pictures into it (add)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    words = {
        "status": "what is in it, and which gaps are open or lost",
        "upgrade": "bring it to the version of this software; everything that opens it for writing does so too",
        "add": "enter a data set's pictures: found by event, session and box from then on, kept as blobs",
    }
    for name, text in words.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
        store = "a SQLite file, or postgresql://user@host/name (or set VEDETTE_STORE; default store.sqlite of the home)"
        action.add_argument("--store", metavar="STORE", help=store)
        action.add_argument("--json", action="store_true", help="print JSON")
        if name == "add":
            action.add_argument("folder", type=Path, help="a data set as boxes and `fetch` write it")
            blobs = "a folder, or an address such as s3://bucket/folder (or set VEDETTE_BLOBS; default blobs of the home)"
            action.add_argument("--blobs", metavar="PLACE", help=blobs)


def run(args: argparse.Namespace) -> int:
    from trainer.home import blobs_in, store_in
    from trainer.store.blobs import open_blobs
    from trainer.store.catalogue import take_in
    from trainer.store.database import Database
    from trainer.store.standing import standing

    database = Database(store_in(args.store, args.home), upgrade=args.action != "status")
    try:
        if args.action == "add":
            blobs = open_blobs(blobs_in(args.blobs, args.home))
            said: dict[str, object] = {"added": take_in(database, blobs, args.folder, time.time_ns() // 1000)}
        else:
            said = {"version": database.revision(), **(standing(database) if args.action == "status" else {})}
    finally:
        database.close()
    if args.json:
        print(json.dumps(said, ensure_ascii=False))
        return 0
    for name, value in said.items():
        print(shown(f"{name:15} {value}"))
    return 0
