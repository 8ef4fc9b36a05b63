"""vedette-trainer serve: the trainer's page, with a worker for jobs beside it, until stopped."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.web.options import Options

SUMMARY = "serve the trainer's page: boxes, events, data sets, labelling, runs, models, jobs; with a worker for jobs beside it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
    store = "a SQLite file, or postgresql://user@host/name (or set VEDETTE_STORE; default store.sqlite of the home)"
    parser.add_argument("--store", metavar="STORE", help=store)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8090, help="TCP port; 0 takes a free one (default 8090)")
    parser.add_argument("--tls-cert", type=Path, metavar="PEM", help="certificate with its chain; needed where others can reach the page")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="its key, without a passphrase")
    parser.add_argument("--behind-proxy", metavar="ADDRESS", help="of the proxy that does TLS; its X-Forwarded headers are believed")
    parser.add_argument("--name", action="append", default=[], help="by which browsers reach the page, beside its addresses; repeatable")
    parser.add_argument("--no-worker", action="store_true", help="do no jobs here; start `vedette-trainer work` elsewhere")


def run(args: argparse.Namespace) -> int:
    from contracts.errors import ConfigError
    from trainer import logs
    from trainer.home import Home, home_path
    from trainer.jobs.beside import Beside
    from trainer.web.parts import open_parts
    from trainer.web.server import PageServer

    logs.set_up()
    options = options_of(args)
    home = Home(home_path(args.home))
    parts = open_parts(home, store=args.store, session_hours=options.session_hours)
    try:
        if not parts.accounts.users.count():
            raise ConfigError("serve: there is no user who could log in; make one with `vedette-trainer users add NAME --role admin`")
        server = PageServer(parts, options)
        server.start()
        beside = Beside(home.path, args.store or home.store) if options.worker else None

        def end(_number: int, _frame: FrameType | None) -> None:
            server.close()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        print(f"{server.address}", flush=True)
        try:
            server.work()
        finally:
            if beside is not None:
                beside.close()
    finally:
        parts.database.close()
    return 0


def options_of(args: argparse.Namespace) -> Options:
    from pydantic import ValidationError

    from contracts.envelope import first_fault
    from contracts.errors import ConfigError
    from trainer.web.options import Options

    given = {name: getattr(args, name) for name in ("host", "port", "tls_cert", "tls_key", "behind_proxy")}
    try:
        return Options(**given, allowed_hosts=tuple(args.name), worker=not args.no_worker)
    except ValidationError as error:
        raise ConfigError(f"serve: {first_fault(error)}") from error
