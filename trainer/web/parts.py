"""Parts: what the pages show and change, given to every router."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.accounts.accounts import Accounts
from trainer.clock import Clock, SystemClock
from trainer.home import Home
from trainer.jobs.queue import Jobs
from trainer.store.blobs import Blobs, open_blobs
from trainer.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    home: Home
    database: Database
    blobs: Blobs
    clock: Clock
    accounts: Accounts
    jobs: Jobs


def open_parts(home: Home, clock: Clock | None = None, *, store: str | None = None, session_hours: float = 12) -> Parts:
    """Of a home; who opens it closes its database."""
    clock = clock or SystemClock()
    database = Database(store or home.store)
    return Parts(home, database, open_blobs(home.blobs), clock, Accounts(database, clock, hours=session_hours), Jobs(database, clock))
