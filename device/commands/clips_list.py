"""`vedette clips ls` and `show`: what is recorded."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from contracts.clip import Clip
from contracts.shown import shown
from contracts.wire import utc_from_ns, utc_text
from device.clock import SystemClock
from device.commands.clips_open import Recordings, add_ids, named, opened, with_manifests
from device.record.index_rows import Entry, Filter

AGO = re.compile(r"(\d{1,6})\s*(s|min|h|d|w)", re.ASCII)
UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
ENDLESS = 10_000_000


def add_ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", metavar="NAME", help="of this camera only")
    parser.add_argument("--day", type=a_day, metavar="DATE", help="of this day only, UTC, e.g. 2026-11-22")
    parser.add_argument("--since", type=since, metavar="TIME", help="that began then or later: 2h, 3d, 2026-11-22, 2026-11-22T08:00Z")
    parser.add_argument("--event", type=UUID, metavar="ID", help="those that show this event")
    parser.add_argument("--group", type=UUID, metavar="ID", help="those of one recording: its cameras and its segments")
    parser.add_argument("--pinned", action="store_true", help="only those that are kept for ever")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default 50, 0: all)")
    parser.add_argument("--json", action="store_true", help="print JSON, a clip a line")


def add_show(parser: argparse.ArgumentParser) -> None:
    add_ids(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, a clip a line: its manifest and where it is")


def a_day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day like 2026-11-22") from None


def since(text: str) -> datetime:
    if match := AGO.fullmatch(text):
        return utc_from_ns(SystemClock().wall_ns()) - timedelta(**{UNITS[match[2]]: int(match[1])})
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z") + ("+00:00" if text.endswith("Z") else ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 2h, 3d, 2026-11-22 or 2026-11-22T08:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def ls(args: argparse.Namespace) -> int:
    which = Filter(
        since=args.since, camera=args.camera, day=args.day, event_id=args.event, group=args.group, pinned=True if args.pinned else None
    )
    with opened(args) as recordings:
        entries = recordings.index.entries(args.limit or ENDLESS, which)
        if args.json:
            print("".join(json.dumps(plain(entry)) + "\n" for entry in entries), end="")
        else:
            print_table(entries)
            _sum_up(recordings, len(entries))
    return 0


def plain(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "camera": entry.camera,
        "start": utc_text(entry.start),
        "end": utc_text(entry.end),
        "video": entry.video,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "state": entry.state,
        "events": entry.events,
        "group": str(entry.group) if entry.group else None,
        "pinned": entry.pinned,
        "verified": utc_text(entry.verified) if entry.verified else None,
    }


def print_table(entries: list[Entry]) -> None:
    table = Table(box=None, pad_edge=False)
    for name, side in (("id", "left"), ("start (UTC)", "left"), ("camera", "left"), ("s", "right"), ("MB", "right"), ("events", "right")):
        table.add_column(name, justify="right" if side == "right" else "left", no_wrap=name != "camera")
    table.add_column("")
    for entry in entries:
        seconds = (entry.end - entry.start).total_seconds()
        words = ", ".join(word for word in ("kept" if entry.pinned else "", "recovered" if entry.state == "recovered" else "") if word)
        start = f"{entry.start:%Y-%m-%d %H:%M:%S}"
        table.add_row(entry.id.hex[:8], start, shown(entry.camera), f"{seconds:.1f}", f"{entry.bytes / 1e6:.1f}", str(entry.events), words)
    if entries:
        Console(soft_wrap=not sys.stdout.isatty(), markup=False, highlight=False).print(table)


def _sum_up(recordings: Recordings, shown: int) -> None:
    totals = recordings.index.totals()
    count, size = sum(count for count, _ in totals.values()), sum(size for _, size in totals.values())
    print(f"{shown} of {count} clips, {size / 1e9:.2f} GB in all", file=sys.stderr)
    if reason := recordings.disk.fault() if recordings.disk.id else "":
        print(reason, file=sys.stderr)


def show(args: argparse.Namespace) -> int:
    with opened(args) as recordings:
        entries = named(recordings, args.ids)
        for entry, stored in zip(entries, with_manifests(recordings, entries), strict=True):
            clip = stored.manifest
            if args.json:
                row = {name: value for name, value in plain(entry).items() if name in {"video", "pinned", "verified"}}
                print(json.dumps({**clip.model_dump(mode="json"), **row}))
            else:
                print("\n".join(f"{name + ':':12} {shown(str(value))}" for name, value in _facts(clip, entry, recordings)) + "\n")
    return 0


def _facts(clip: Clip, entry: Entry, recordings: Recordings) -> list[tuple[str, str]]:
    seconds = (clip.end_pts_ns - clip.start_pts_ns) / 1e9
    sound = f"{clip.audio.codec}, {clip.audio.left_out or f'{clip.audio.packets} packets'}" if clip.audio else "none"
    post = "the event had not ended" if clip.post_roll_ms is None else f"{clip.post_roll_ms:.0f} ms"
    facts = [
        ("clip", f"{clip.id}, segment {clip.segment}, {clip.state}, ended by: {clip.reason}"),
        ("recording", str(clip.group or "none") + f", begun by {clip.trigger}" + (f": {clip.note}" if clip.note else "")),
        ("camera", clip.camera),
        ("time", f"{utc_text(clip.start)} to {utc_text(clip.end)}, {seconds:.3f} s, {clip.frames} pictures"),
        ("video", f"{clip.codec} {clip.width}x{clip.height} in {clip.container}, {clip.bytes} bytes"),
        ("sound", sound),
        ("rolls", f"before {clip.pre_roll_ms:.0f} ms of {clip.pre_roll_asked_ms}, after {post} of {clip.post_roll_asked_ms}"),
        ("file", str(recordings.data / entry.video)),
        ("sha256", clip.sha256 + (f", found right {utc_text(entry.verified)}" if entry.verified else ", not looked at since")),
        ("kept", "yes, until `vedette clips keep --not`" if entry.pinned else "until room is wanted"),
        ("made by", f"{clip.device} {clip.software}".strip()),
    ]
    facts += [("event", f"{cause.id} {cause.kind} {cause.label or ''}".rstrip()) for cause in clip.events]
    for hole in clip.holes:
        facts.append(("hole", f"{hole.reason}, {(hole.until_pts_ns - hole.from_pts_ns) / 1e9:.3f} s after picture {hole.after_frame}"))
    return facts
