"""vedette-trainer ingest: takes in what boxes say over MQTT, until stopped."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from pydantic import ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError
from contracts.shown import shown
from trainer import logs
from trainer.ingest.options import Options

SUMMARY = "take in events, health and update reports of many boxes from an MQTT broker into a store, until stopped"
PASSWORD = "VEDETTE_MQTT_PASSWORD"  # noqa: S105  a name of it
JOIN_S = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
    store = "a SQLite file, or postgresql://user@host/name (or set VEDETTE_STORE; default store.sqlite of the home)"
    parser.add_argument("--store", metavar="STORE", help=store)
    parser.add_argument("--host", default="localhost", help="the broker; with --unix the path of its socket (default localhost)")
    parser.add_argument("--port", type=int, default=1883, help="8883 is usual with TLS (default 1883)")
    parser.add_argument("--unix", action="store_true", help="--host is a unix socket")
    parser.add_argument("--tls", action="store_true", help="TLS, the broker verified")
    for name, words in (("ca", "who signed the broker's certificate"), ("cert", "our certificate"), ("key", "its key")):
        parser.add_argument(f"--{name}", type=Path, help=f"{words}, PEM")
    parser.add_argument("--username", help=f"where the broker asks for one; the password in {PASSWORD}")
    parser.add_argument("--client-id", default="vedette-trainer", help="names our session at the broker (default vedette-trainer)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another option, e.g. window=1000")
    parser.add_argument("--every", type=float, default=10, metavar="SECONDS", help="how often health is told (default 10)")
    parser.add_argument("--json", action="store_true", help="health as lines of JSON on stdout instead of words on stderr")


def run(args: argparse.Namespace) -> int:
    from trainer.clock import SystemClock
    from trainer.home import store_in
    from trainer.ingest.report import Report
    from trainer.ingest.service import Ingest
    from trainer.push.tended import beating
    from trainer.store.database import Database

    logs.set_up()
    options = options_of(args)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    database = Database(store_in(args.store, args.home))
    try:
        ingest = Ingest(database, options)
        report = Report(ingest)
        failed: list[BaseException] = []

        def work() -> None:
            try:
                ingest.run(stop)
            except Exception as error:  # noqa: BLE001  a seam: what ends the thread ends the program, and is raised there
                failed.append(error)
                stop.set()

        thread = threading.Thread(target=work, name="ingest")
        thread.start()
        try:
            with beating(database, SystemClock(), "ingest", lambda: ingest.connected):
                while not stop.wait(max(0.1, args.every)):
                    _tell(report.document(), as_json=args.json)
        finally:  # nobody may read what is told any more
            stop.set()
            thread.join(JOIN_S)
        _tell(report.document(), as_json=args.json)
        if failed:
            raise failed[0]
    finally:
        database.close()
    return 0


def _tell(said: dict[str, object], *, as_json: bool) -> None:
    from trainer.ingest.report import words

    if as_json:
        print(json.dumps(said, ensure_ascii=False), flush=True)
    else:
        print(shown(words(said)), file=sys.stderr, flush=True)


def options_of(args: argparse.Namespace) -> Options:
    more = dict(each.partition("=")[::2] for each in args.set)
    given = {
        "host": args.host, "port": args.port, "transport": "unix" if args.unix else "tcp", "tls": args.tls, "ca": args.ca,
        "cert": args.cert, "key": args.key, "username": args.username, "client_id": args.client_id,
        "password": os.environ.get(PASSWORD),
    }  # fmt: skip
    try:
        return Options.model_validate({**given, **more})
    except ValidationError as error:
        raise ConfigError(f"ingest: {first_fault(error)}; see `vedette-trainer ingest --help`") from error
