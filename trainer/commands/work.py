"""vedette-trainer work: does the jobs that wait, one after the other, until stopped."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

SUMMARY = "do the jobs that wait, one after the other, until stopped (serve has a worker beside it by default)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
    store = "a SQLite file, or postgresql://user@host/name (or set VEDETTE_STORE; default store.sqlite of the home)"
    parser.add_argument("--store", metavar="STORE", help=store)
    parser.add_argument("--until-idle", action="store_true", help="end when nothing waits any more")
    for name in ("--job", "--owner"):
        parser.add_argument(name, help=argparse.SUPPRESS)  # how a worker starts the process of one job
    parser.add_argument("--bound-to", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    from trainer import logs
    from trainer.clock import SystemClock
    from trainer.drift.options import options_of
    from trainer.drift.watch import Watch
    from trainer.home import Home, home_path
    from trainer.jobs.errand import claimed, die_with, do
    from trainer.jobs.kinds import Given
    from trainer.jobs.queue import Jobs
    from trainer.jobs.worker import Worker
    from trainer.push.upkeep import Upkeep
    from trainer.store.database import Database

    if args.bound_to is not None:
        die_with(args.bound_to)
    logs.set_up(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    home, clock = Home(home_path(args.home)), SystemClock()
    store = args.store or home.store
    database = Database(store)
    try:
        jobs = Jobs(database, clock)
        if args.job is None:
            threading.Thread(target=Upkeep(home, clock).run, args=(stop,), name="upkeep", daemon=True).start()
            watch = Watch(database, clock, lambda: options_of(home))
            threading.Thread(target=watch.run, args=(stop,), name="drift", daemon=True).start()
            Worker(jobs, home.path, store, clock).run(stop, until_idle=args.until_idle)
            return 0
        job = claimed(jobs, args.job, args.owner or "")
        do(jobs, job, Given(home, database, clock, job.id, job.who, job.created_us, job.attempts), stop)
    finally:
        database.close()
    return 0
