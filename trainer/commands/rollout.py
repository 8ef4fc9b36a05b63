"""vedette-trainer rollout: a release on its way to boxes, wave by wave; `run` is what brings it there."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from contracts.shown import shown

SUMMARY = "bring a release to boxes, wave by wave; pause, resume, approve, stop"
PASSWORD = "VEDETTE_MQTT_PASSWORD"  # noqa: S105  a name of it
ACTIONS = {
    "start": "assign a release to boxes: canaries first, then waves",
    "ls": "list rollouts, newest first",
    "show": "say how a rollout stands, box by box",
    "pause": "assign no more boxes; those that were go on",
    "resume": "go on",
    "approve": "let the next wave begin",
    "stop": "emergency: call off who has not taken it, send back who has to what it ran before",
    "run": "bring assignments to the broker and move rollouts on, until stopped",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name not in {"ls", "run"}:
            action.add_argument("name", help="of the rollout")
        if name == "start":
            _start(action)
        if name in {"start", "show"}:
            words = "say what changes, box by box, until it has come to an end; exit code 3 when it was halted or stopped"
            action.add_argument("--follow", action="store_true", help=words)
        if name == "stop":
            action.add_argument("--why", required=True, help="is kept")
        if name == "run":
            _broker(action)
        home = "the trainer's folder (default: $VEDETTE_TRAINER_HOME, else vedette-trainer-home)"
        action.add_argument("--home", type=Path, default=None, help=home)
        action.add_argument("--store", metavar="STORE", help="a SQLite file or postgresql://... (default: that of the home)")
        action.add_argument("--json", action="store_true", help="print JSON")


def _start(action: argparse.ArgumentParser) -> None:
    what = action.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", default="", help="a target of `push ls`, or name@version")
    what.add_argument("--config", default="", help="a configuration instead: a target of `push ls`, or name@number")
    action.add_argument("--device", action="append", default=[], help="a box; repeatable")
    cohort = "boxes and canaries of configs/cohorts.yaml; repeatable"
    action.add_argument("--cohort", action="append", default=[], metavar="NAME", help=cohort)
    action.add_argument("--all", action="store_true", help="every box that was ever heard of")
    action.add_argument("--canary", action="append", default=[], metavar="DEVICE", help="a box that comes first; repeatable")
    action.add_argument("--steps", default="10,50,100", help="percent of all boxes, wave by wave (default 10,50,100)")
    action.add_argument("--success", type=float, default=0.9, help="share that must accept before the next wave (default 0.9)")
    action.add_argument("--errors", type=int, default=None, help="halt when more boxes than these refuse (default: by share alone)")
    action.add_argument("--error-share", type=float, default=0.05, help="halt when more than this share refuses (default 0.05)")
    action.add_argument("--approve", action="store_true", help="each next wave waits for `rollout approve`")
    action.add_argument("--mode", choices=("shadow", "trial", "live"), default="live", help="what boxes do with it (default live)")
    action.add_argument("--days", type=float, default=14, help="until an assignment that was not begun expires (default 14)")


def _broker(action: argparse.ArgumentParser) -> None:
    action.add_argument("--host", default="localhost", help="the broker; with --unix the path of its socket (default localhost)")
    action.add_argument("--port", type=int, default=1883, help="8883 is usual with TLS (default 1883)")
    action.add_argument("--unix", action="store_true", help="--host is a unix socket")
    action.add_argument("--tls", action="store_true", help="TLS, the broker verified")
    for name, words in (("ca", "who signed the broker's certificate"), ("cert", "our certificate"), ("key", "its key")):
        action.add_argument(f"--{name}", type=Path, help=f"{words}, PEM")
    action.add_argument("--username", help=f"where the broker asks for one; the password in {PASSWORD}")
    action.add_argument("--client-id", default="vedette-trainer-push", help="names us at the broker (default vedette-trainer-push)")


def run(args: argparse.Namespace) -> int:
    from trainer.clock import SystemClock
    from trainer.commands.rollout_follow import follow
    from trainer.home import Home, home_path
    from trainer.push.place import Place
    from trainer.push.rollout import ACTIVE, Rollouts
    from trainer.push.tended import untended
    from trainer.store.database import Database

    home = Home(home_path(args.home))
    Place(home).require()
    database = Database(args.store or home.store)
    try:
        if args.action == "run":
            return _run(args, home, database)
        rollouts = Rollouts(database, SystemClock())
        said = _did(args, home, rollouts)
        if getattr(args, "follow", False):
            return follow(rollouts, args.name, as_json=args.json)
        idle = untended(database, SystemClock()) if any(row["state"] in ACTIVE for row in said) else []
    finally:
        database.close()
    print(json.dumps(said, indent=1, default=str) if args.json else shown(_words(said)))
    for words in idle:
        print(shown(f"vedette-trainer: {words}"), file=sys.stderr)
    return 0


def _did(args: argparse.Namespace, home: Any, rollouts: Any) -> list[dict[str, Any]]:
    from trainer.accounts.audit import HERE
    from trainer.commands.rollout_follow import every_box
    from trainer.push.asked import box_documents, document

    if args.action == "ls":
        return [document(found, counts) for found, counts in rollouts.listed()]
    if args.action == "start":
        found = _started(args, home, rollouts)
    elif args.action == "stop":
        found = rollouts.stop(args.name, args.why, HERE)
    else:
        found = rollouts.get(args.name) if args.action == "show" else rollouts.decide(args.name, args.action, HERE)
    row = document(found, rollouts.counted(args.name))
    if args.action == "show":
        row["each"] = box_documents(every_box(rollouts, args.name))
    return [row]


def _started(args: argparse.Namespace, home: Any, rollouts: Any) -> Any:
    from pydantic import ValidationError

    from contracts.envelope import first_fault
    from contracts.errors import ConfigError
    from trainer.accounts.audit import HERE
    from trainer.clock import SystemClock
    from trainer.push.asked import Asked
    from trainer.push.cohorts import cohorts_of
    from trainer.push.place import Place
    from trainer.push.repository import Repository

    rules = {name: getattr(args, name) for name in ("success", "errors", "error_share", "approve", "mode", "days")}
    about = {"name": args.name, "model": args.model, "config": args.config, "all": args.all}
    about |= {"boxes": args.device, "canaries": args.canary, "cohorts": args.cohort}
    try:
        asked = Asked.model_validate({**about, **rules, "steps": args.steps.split(",")})
    except ValidationError as error:
        raise ConfigError(f"rollout start: {first_fault(error)}") from error
    return asked.begin(rollouts, Repository(Place(home), SystemClock()).everything(), cohorts_of(home), HERE)


def _words(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        numbers = ", ".join(f"{row[name]} {name}" for name in ("boxes", "assigned", "accepted", "failed", "pending"))
        lines.append(
            f"{row['name']}: {row['state']}, wave {row['wave']}; {numbers}; {row['target']}" + (f"; {row['why']}" if row["why"] else "")
        )
        lines += [
            f"  {each['device']:40} wave {each['wave']} {each['aim']:10} {each['state'] or '-':12} {each['code']} {each['words']}"
            for each in row.get("each", [])
        ]
    return "\n".join(lines) or "there is no rollout"


def _run(args: argparse.Namespace, home: Any, database: Any) -> int:
    import signal
    import threading

    from broker.address import Address, Tls
    from trainer import logs
    from trainer.clock import SystemClock
    from trainer.push.pushing import pusher_of
    from trainer.push.tended import beating

    logs.set_up()
    address = Address(
        args.host, args.port, args.client_id, "unix" if args.unix else "tcp",
        tls=Tls(args.ca, args.cert, args.key) if args.tls else None, username=args.username, password=os.environ.get(PASSWORD),
        window=50, private=True, setting="--",
    )  # fmt: skip
    pusher = pusher_of(home, database, address)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with beating(database, SystemClock(), "rollout run", lambda: pusher.connected):
        pusher.run(stop)
    print(pusher.report() if args.json else f"stopped; {pusher.counts['assignments']} assignments, {pusher.counts['chunks']} pieces sent")
    return 0
