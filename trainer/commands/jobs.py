"""vedette-trainer jobs: long work asked for, looked at, waited for and cancelled."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.errors import ConfigError
from contracts.shown import shown

if TYPE_CHECKING:
    from trainer.jobs.job import Job
    from trainer.jobs.queue import Jobs

SUMMARY = "long work that a worker does: run (ask for it), ls, show, cancel, kinds"
EVERY_S = 0.5
CODES = {"done": 0, "failed": 1, "cancelled": 130}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    words = {
        "run": "ask for a job; a worker (`serve` or `work`) does it",
        "ls": "jobs, newest first",
        "show": "one job with its arguments and result",
        "cancel": "cancel a job; one that runs ends within seconds",
        "kinds": "what can be asked for, and with which arguments",
    }
    for name, text in words.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
        action.add_argument("--store", metavar="STORE", help="another store than that of the home (or set VEDETTE_STORE)")
        action.add_argument("--json", action="store_true", help="print JSON")
        if name == "run":
            action.add_argument("kind", metavar="KIND", help="see `jobs kinds`")
            given = "an argument; the value is JSON, or the words as they are"
            action.add_argument("argument", nargs="*", metavar="NAME=VALUE", help=given)
            action.add_argument("--follow", action="store_true", help="wait until it is over; exit code 1 if it failed")
        if name in {"show", "cancel"}:
            action.add_argument("id", metavar="ID")
        if name == "ls":
            action.add_argument("--state", default="", help="only waiting, running, done, failed or cancelled ones")
            action.add_argument("--limit", type=int, default=20, help="lines (default 20)")


def run(args: argparse.Namespace) -> int:
    from trainer.clock import SystemClock
    from trainer.home import Home, home_path
    from trainer.jobs.queue import Jobs
    from trainer.store.database import Database

    if args.action == "kinds":
        return _kinds(args)
    database = Database(args.store or Home(home_path(args.home)).store)
    try:
        return _ACTIONS[args.action](Jobs(database, SystemClock()), args)
    finally:
        database.close()


def _kinds(args: argparse.Namespace) -> int:
    from trainer.jobs.kinds import KINDS, schema

    if args.json:
        print(json.dumps({name: schema(name) for name in KINDS}, indent=1))
        return 0
    for name, kind in KINDS.items():
        document = schema(name)
        needed = document.get("required", [])
        names = [each if each in needed else f"[{each}]" for each in document["properties"]]
        print(f"{name:14} {kind.words}\n{'':14} {' '.join(names)}")
    return 0


def _run(jobs: Jobs, args: argparse.Namespace) -> int:
    from trainer.jobs.kinds import checked

    job = jobs.ask(args.kind, checked(args.kind, _arguments(args.argument)), "command line")
    if not args.follow:
        print(json.dumps(job.document()) if args.json else job.id)
        return 0
    return _follow(jobs, job, args)


def _arguments(words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        name, given, text = word.partition("=")
        if not given:
            raise ConfigError(f"jobs run: {word!r} is no NAME=VALUE")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _follow(jobs: Jobs, job: Job, args: argparse.Namespace) -> int:
    """Ctrl-C ends the waiting, not the job."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    last = ""
    while not job.over and not stop.is_set():
        line = f"{job.id}  {job.state}  {job.progress:4.0%}  {job.said}"
        if line != last:
            print(shown(line), file=sys.stderr, flush=True)
            last = line
        stop.wait(EVERY_S)
        job = _found(jobs, job.id)
    _tell(job, as_json=args.json)
    return CODES.get(job.state, 0)


def _ls(jobs: Jobs, args: argparse.Namespace) -> int:
    found = jobs.listed(max(1, min(args.limit, 1000)), state=args.state)
    if args.json:
        print(json.dumps([job.document() for job in found]))
        return 0
    for job in found:
        print(shown(f"{job.id}  {job.kind:12}  {job.state:9}  {job.progress:4.0%}  {job.said}"))
    return 0


def _show(jobs: Jobs, args: argparse.Namespace) -> int:
    _tell(_found(jobs, args.id), as_json=args.json)
    return 0


def _cancel(jobs: Jobs, args: argparse.Namespace) -> int:
    _found(jobs, args.id)
    job = jobs.cancel(args.id)
    if job is not None:
        _tell(job, as_json=args.json)
    return 0


def _found(jobs: Jobs, job: str) -> Job:
    found = jobs.find(job)
    if found is None:
        raise ConfigError(f"job {job[:40]!r}: there is none; see `vedette-trainer jobs ls`")
    return found


def _tell(job: Job, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(job.document(), ensure_ascii=False))
        return
    from trainer.review.listing import time_text

    for name, value in job.document().items():
        if name.endswith("_us"):
            name, value = name.removesuffix("_us"), "-" if value is None else time_text(value)  # noqa: PLW2901
        print(shown(f"{name:12} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value}"))


_ACTIONS = {"run": _run, "ls": _ls, "show": _show, "cancel": _cancel}
