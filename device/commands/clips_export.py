"""`vedette clips export`: clips copied to another folder or disk, compared with what was recorded."""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

from contracts.event import Event
from contracts.shown import shown
from device.commands.clips_open import add_ids, named, opened, progress, with_manifests
from device.record.handout import Handed, Handout


def add_export(parser: argparse.ArgumentParser) -> None:
    add_ids(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where to; made if it is not there")
    parser.add_argument("--json", action="store_true", help="print JSON, a clip a line")


def export(args: argparse.Namespace) -> int:
    with opened(args) as recordings, known_events(recordings.data / "outbox.sqlite") as event:
        clips = with_manifests(recordings, named(recordings, args.ids))
        handout = Handout(recordings.data, args.to, event)
        handout.check_room(clips)
        whole, done = 2 * sum(stored.manifest.bytes for stored in clips), 0  # written, and read back
        with progress("copying", "bytes", quiet=args.json) as told:

            def count(size: int) -> None:
                nonlocal done
                done += size
                told(min(done, whole), whole)

            for stored in clips:
                _say(args, handout.hand(stored, count))
    return 0


def _say(args: argparse.Namespace, handed: Handed) -> None:
    if args.json:
        print(json.dumps({"video": str(handed.video), "bytes": handed.bytes, "copied": handed.copied, "events": handed.events}), flush=True)
    else:
        words = "copied and compared" if handed.copied else "was there already, and is right"
        print(shown(f"{handed.video}: {words}, {handed.bytes / 1e6:.1f} MB, {handed.events} event(s)"), flush=True)


@contextmanager
def known_events(path: Path) -> Iterator[Callable[[UUID], Event | None]]:
    """What the appliance's history still knows; a history that cannot be read knows nothing."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
    except sqlite3.Error:
        yield lambda _: None
        return

    def find(event: UUID) -> Event | None:
        try:
            row = connection.execute("SELECT body FROM history WHERE id = ?", (str(event),)).fetchone()
        except sqlite3.Error:
            return None
        return Event.model_validate_json(row[0]) if row else None

    with closing(connection):
        yield find
