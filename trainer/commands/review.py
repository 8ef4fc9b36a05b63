"""vedette-trainer review: pictures worth labelling: filled in from data sets, listed, counted, out to CVAT and back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.errors import ConfigError
from contracts.shown import shown

if TYPE_CHECKING:
    from trainer.home import Home
    from trainer.store.database import Database

SUMMARY = "pictures worth labelling: fill the queue, ls, stats with figures from the field, settle, export to CVAT and import again"
MOST_OPEN = 5000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    words = {
        "fill": "put what data sets have more since the last time into the queue",
        "ls": "what is in the queue, the most worth first",
        "stats": "what waits and why, what was said, and how precise the model was in the field",
        "settle": "write answers that wait into their data sets (fill does it too)",
        "export": "open items of a data set as a task for CVAT",
        "import": "what was labelled in CVAT",
    }
    for name, text in words.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
        action.add_argument("--store", metavar="STORE", help="another store than that of the home (or set VEDETTE_STORE)")
        action.add_argument("--json", action="store_true", help="print JSON")
        _more(name, action)


def _more(name: str, action: argparse.ArgumentParser) -> None:
    if name == "fill":
        action.add_argument("sets", nargs="*", metavar="SET", help="names of data sets in the home (default: all)")
        action.add_argument("--most", type=int, default=MOST_OPEN, help=f"items that may be open (default {MOST_OPEN})")
        action.add_argument("--classes", default="", metavar="A,B", help="classes that the data sets named may get beside those they have")
    if name == "ls":
        action.add_argument("--state", default="open", help="open (default), done, skipped, unsure, passed, or all")
        action.add_argument("--reason", default="")
        action.add_argument("--limit", type=int, default=50)
    if name in {"ls", "stats"}:
        action.add_argument("--set", default="", metavar="NAME")
    if name == "stats":
        for each in ("device", "camera", "model"):
            action.add_argument(f"--{each}", default="", help="figures of that alone")
        action.add_argument("--since", type=datetime.fromisoformat, metavar="DAY", help="figures of pictures from that day on, UTC")
        action.add_argument("--until", type=datetime.fromisoformat, metavar="DAY", help="figures of pictures before that day, UTC")
        action.add_argument("--at", action="append", default=[], metavar="CLASS=0.5", help="count boxes of a class from this confidence on")
    if name == "export":
        action.add_argument("folder", type=Path, help="to be made")
        action.add_argument("--set", required=True, metavar="NAME")
        action.add_argument("--most", type=int, default=500, help="pictures (default 500)")
        action.add_argument("--complete-for", metavar="A,B", help="classes of which every instance will be marked (default: all)")
    if name == "import":
        action.add_argument("folder", type=Path, help="that `review export` made")
        action.add_argument("--annotations", type=Path, metavar="XML", help="CVAT for images 1.1 (default: in the folder)")
        action.add_argument("--name", required=True, help="who labelled; it is kept")


def run(args: argparse.Namespace) -> int:
    from trainer.home import Home, home_path
    from trainer.store.database import Database

    home = Home(home_path(args.home))
    database = Database(args.store or home.store)
    try:
        found, code = _ACTIONS[args.action](home, database, args)
    finally:
        database.close()
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for line in _SHOWN.get(args.action, _plain)(found):
            print(shown(line))
    return code


Found = tuple[dict[str, Any], int]


def _fill(home: Home, database: Database, args: argparse.Namespace) -> Found:
    from trainer.clock import SystemClock
    from trainer.review.filling import fill

    if args.most < 1:
        raise ConfigError(f"--most {args.most}: is above 0")
    if args.classes and not args.sets:
        raise ConfigError("--classes: name the data sets they are for")
    classes = [each.strip() for each in args.classes.split(",") if each.strip()]
    return asdict(fill(database, home.sets, SystemClock(), names=args.sets, classes=classes, most=args.most)), 0


def _ls(_home: Home, database: Database, args: argparse.Namespace) -> Found:
    from trainer.review.listing import Wanted, listed

    state = "" if args.state == "all" else args.state
    return listed(database, Wanted(state, args.reason, args.set, args.limit)), 0


def _stats(home: Home, database: Database, args: argparse.Namespace) -> Found:
    from trainer.review.evidence import About
    from trainer.review.stats import statistics

    about = About(args.set, args.device, args.camera, args.model, _us(args.since), _us(args.until), _points(args.at))
    return statistics(database, home.sets, about), 0


def _us(day: datetime | None) -> int:
    return (day.replace(tzinfo=day.tzinfo or timezone.utc) - EPOCH) // timedelta(microseconds=1) if day else 0


def _points(given: list[str]) -> dict[str, float]:
    points = {}
    for each in given:
        name, equals, value = each.rpartition("=")
        try:
            points[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name or not 0 <= points[name] <= 1:
            raise ConfigError(f"--at {each[:80]}: write CLASS=CONFIDENCE, e.g. person=0.4")
    return points


def _settle(home: Home, database: Database, _args: argparse.Namespace) -> Found:
    from trainer.review.settling import Settling

    done = Settling(database, home.sets).settle()
    return asdict(done), 1 if done.waiting else 0


def _export(home: Home, database: Database, args: argparse.Namespace) -> Found:
    from trainer.review.cvat import send

    complete = None if args.complete_for is None else [each.strip() for each in args.complete_for.split(",") if each.strip()]
    return {"pictures": send(database, home.sets, args.folder, name=args.set, most=args.most, complete_for=complete)}, 0


def _import(home: Home, database: Database, args: argparse.Namespace) -> Found:
    from trainer.clock import SystemClock
    from trainer.review.cvat import bring
    from trainer.review.desk import Desk
    from trainer.review.settling import Settling

    done = bring(Desk(database, home.sets, SystemClock()), args.folder, args.name, args.annotations)
    written = Settling(database, home.sets).settle()
    return {**asdict(done), "written": written.written, "waiting": written.waiting}, 1 if done.conflicts or done.refused else 0


def _plain(found: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in found.items():
        lines += [f"{name:15} {len(value)}", *(f"  {each}" for each in value)] if isinstance(value, list) else [f"{name:15} {value}"]
    return lines


def _listed(found: Mapping[str, Any]) -> list[str]:
    return [f"{each['id']}  {each['value']:7.3f}  {each['reason']:18} {each['t'][:19]}  {each['camera']}" for each in found["items"]]


def _told(found: Mapping[str, Any]) -> list[str]:
    lines = [f"{state:10} {count}" for state, count in found["states"].items()]
    pace = f", {found['seconds_per_item']} s each" if found["seconds_per_item"] else ""
    lines.append(f"answered {found['answered']} in {found['seconds']} s{pace}; {found['unwritten']} wait for their data set")
    for reason, counts in found["reasons"].items():
        lines.append(f"  {reason:18} {', '.join(f'{count} {state}' for state, count in counts.items())}")
    for name, each in found["estimates"].items():
        lines.append(f"{name}: of {each['pictures']} pictures in {each['recordings']} recordings, which stand for {each['stands_for']:.0f}")
        lines += [f"  {figure:10} {_figure(each[figure])}" for figure in ("precision", "recall")]
    return lines


def _figure(each: Mapping[str, Any]) -> str:
    if each["estimate"] is None:
        return "nothing to count it of"
    bounds = f"{each['low']:.3f} to {each['high']:.3f}" if each["low"] is not None else "no bounds: too few recordings"
    return f"{each['estimate']:.3f} ({bounds}; {each['boxes']} boxes)"


_ACTIONS = {"fill": _fill, "ls": _ls, "stats": _stats, "settle": _settle, "export": _export, "import": _import}
_SHOWN = {"ls": _listed, "stats": _told}
