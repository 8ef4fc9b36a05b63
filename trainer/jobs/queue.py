"""Queue: jobs asked for, given to who does them with a lease, told and ended; what a dead worker began is given again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, update
from sqlalchemy.exc import DBAPIError

from contracts.envelope import Ulids
from contracts.errors import ConfigError, StorageError
from trainer.clock import Clock, wall_us
from trainer.jobs.job import OVER, Job, State, job_of
from trainer.store.database import Database, poison
from trainer.store.tables import jobs

LEASE_US = 20_000_000  # without a sign of life for so long, work is given to another
MOST_WAITING = 200  # more are refused: who asks hears it
MOST_ATTEMPTS = 3  # begun so often by workers that died, it is the job that kills them
MOST_KEPT = 2000  # of those that are over, the newest
KEPT_US = 90 * 86_400_000_000
LONGEST = {"arguments": 64 << 10, "result": 256 << 10, "said": 500}  # characters


class QueueFull(StorageError):
    """Too many jobs wait; ask again later."""


class LeaseLost(StorageError):
    """The job is somebody else's by now, or over: stop at once and write nothing more of it."""


class Jobs:
    """Any thread and any process with the store may call it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._ulids = Ulids(os.urandom)

    def ask(self, kind: str, arguments: Mapping[str, Any], who: str = "", request: str | None = None) -> Job:
        """A new job that waits; the same `request` once more gives the job of the first time. QueueFull when too many wait."""
        text = json.dumps(arguments, ensure_ascii=False)
        if len(text) > LONGEST["arguments"]:
            raise ConfigError(f"job {kind}: its arguments are longer than {LONGEST['arguments']} characters; put them into a file")
        now = wall_us(self._clock)
        row = {"id": str(self._ulids.next(now * 1000)), "kind": kind, "state": "waiting", "arguments": text, "created_us": now, "who": who}
        try:
            made = self._enter({**row, "request": request}, now)
        except DBAPIError as error:
            if request is None or not poison(error):
                raise
            made = self._enter({**row, "request": request}, now)  # the same request at the same moment was faster: it is there now
        if made is None:
            raise StorageError(f"job {row['id']}: is not there after it was written; see the store")
        return made

    def _enter(self, row: Mapping[str, Any], now: int) -> Job | None:
        with self._database.write() as connection:
            if row["request"] is not None and (before := self._of(connection, jobs.c.request == row["request"])):
                return before
            waiting = connection.execute(select(func.count()).select_from(jobs).where(jobs.c.state == "waiting")).scalar_one()
            if waiting >= MOST_WAITING:
                raise QueueFull(f"{waiting} jobs wait already; cancel some, or wait until they are done")
            connection.execute(jobs.insert(), row)
            self._sweep(connection, now)
            return self._of(connection, jobs.c.id == row["id"])

    def find(self, job: str) -> Job | None:
        with self._database.read() as connection:
            return self._of(connection, jobs.c.id == job)

    def listed(self, limit: int = 50, before: str | None = None, state: str = "", kind: str = "") -> list[Job]:
        """Newest first; `before` is the id of the last one of the page before."""
        query = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        query = query.where(jobs.c.id < before) if before else query
        query = query.where(jobs.c.state == state) if state else query
        query = query.where(jobs.c.kind == kind) if kind else query
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def counts(self) -> dict[str, int]:
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self._database.read() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}

    def cancel(self, job: str) -> Job | None:
        """One that waits is cancelled at once; one that runs is asked to end; one that is over stays as it is. None: there is none."""
        now, waits = wall_us(self._clock), jobs.c.state == "waiting"
        with self._database.write() as connection:
            ending = {"state": "cancelled", "ended_us": now, "said": "cancelled before it began", "cancel": 1}
            connection.execute(update(jobs).where(jobs.c.id == job, waits).values(**ending))
            connection.execute(update(jobs).where(jobs.c.id == job, jobs.c.state == "running").values(cancel=1))
            return self._of(connection, jobs.c.id == job)

    def due(self) -> bool:
        """Whether there may be something to claim; costs no write."""
        query = select(jobs.c.id).where(jobs.c.state.in_(("waiting", "running"))).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def claim(self, owner: str, alive: Mapping[str, bool] | None = None, kinds: tuple[str, ...] | None = None) -> Job | None:
        """The oldest that waits, or that was let go by a worker that died; None: there is nothing to do.
        `alive`: of owners on this machine whether they live, so that a lease of a dead one need not run out first."""
        now = wall_us(self._clock)
        with self._database.write() as connection:
            self._recover(connection, now, [name for name, lives in (alive or {}).items() if not lives])
            query = select(jobs).where(jobs.c.state == "waiting").order_by(jobs.c.created_us, jobs.c.id).limit(1)
            query = query.where(jobs.c.kind.in_(kinds)) if kinds is not None else query
            found = connection.execute(query.with_for_update(skip_locked=True)).mappings().one_or_none()
            if found is None:
                return None
            taken = {"state": "running", "owner": owner[:64], "lease_us": now + LEASE_US, "attempts": found["attempts"] + 1}
            taken["started_us"] = found["started_us"] or now
            connection.execute(update(jobs).where(jobs.c.id == found["id"]).values(**taken))
            return self._of(connection, jobs.c.id == found["id"])

    def owners(self) -> list[str]:
        """Of what is running."""
        with self._database.read() as connection:
            return list(connection.execute(select(jobs.c.owner).where(jobs.c.state == "running").distinct()).scalars())

    def beat(self, job: str, owner: str, progress: float, said: str) -> bool:
        """A sign of life; whether it is to be cancelled. LeaseLost when it is not the owner's any more."""
        kept = {"lease_us": wall_us(self._clock) + LEASE_US, "progress": min(1.0, max(0.0, progress)), "said": said[: LONGEST["said"]]}
        with self._database.write() as connection:
            found = connection.execute(update(jobs).where(_mine(job, owner)).values(**kept))
            if found.rowcount == 0:
                raise LeaseLost(f"job {job}: is not {owner}'s any more")
            return bool(connection.execute(select(jobs.c.cancel).where(jobs.c.id == job)).scalar_one())

    def end(self, job: str, owner: str, state: State, said: str, result: Any = None) -> None:
        """LeaseLost when it is not the owner's any more."""
        text = None if result is None else json.dumps(result, ensure_ascii=False)
        if text is not None and len(text) > LONGEST["result"]:
            state, said, text = "failed", f"its result is longer than {LONGEST['result']} characters; it belongs into a file", None
        last: dict[str, Any] = {"state": state, "said": said[: LONGEST["said"]], "result": text, "lease_us": None}
        last |= {"ended_us": wall_us(self._clock), **({"progress": 1.0} if state == "done" else {})}
        self._change(job, owner, last)

    def give_back(self, job: str, owner: str, said: str) -> None:
        """Not done, through no fault of its own: it waits again, and this attempt does not count."""
        back = {"state": "waiting", "owner": "", "lease_us": None, "said": said[: LONGEST["said"]], "attempts": jobs.c.attempts - 1}
        self._change(job, owner, back)

    def let_go(self, job: str, owner: str, why: str) -> None:
        """Its process died: it is begun again, but not for ever."""
        self._change(job, owner, {**_lost_values(wall_us(self._clock)), "said": _lost_words(why)})

    def _change(self, job: str, owner: str, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            if connection.execute(update(jobs).where(_mine(job, owner)).values(**values)).rowcount == 0:
                raise LeaseLost(f"job {job}: is not {owner}'s any more")

    def _recover(self, connection: Connection, now: int, dead: list[str]) -> None:
        """What was begun by a worker that died: cancelled if that was asked, given up after some attempts, else it waits again."""
        lost = and_(jobs.c.state == "running", or_(jobs.c.lease_us < now, jobs.c.owner.in_(dead)))
        connection.execute(update(jobs).where(lost).values(**_lost_values(now), said=_lost_words("its worker died")))

    def _sweep(self, connection: Connection, now: int) -> None:
        """Of what is over the newest are kept, and not for ever."""
        over = jobs.c.state.in_(OVER)
        oldest = select(jobs.c.id).where(over).order_by(jobs.c.id.desc()).offset(MOST_KEPT).limit(1)
        edge = connection.execute(oldest).scalar_one_or_none()
        gone = jobs.c.ended_us < now - KEPT_US
        connection.execute(delete(jobs).where(over, or_(gone, jobs.c.id <= edge) if edge else gone))

    def _of(self, connection: Connection, where: ColumnElement[bool]) -> Job | None:
        row = connection.execute(select(jobs).where(where)).mappings().one_or_none()
        return job_of(row) if row is not None else None


def _mine(job: str, owner: str) -> ColumnElement[bool]:
    return and_(jobs.c.id == job, jobs.c.state == "running", jobs.c.owner == owner[:64])


GIVEN_UP = jobs.c.attempts >= MOST_ATTEMPTS


def _lost_values(now: int) -> dict[str, Any]:
    """Of a job whose process died: cancelled if that was asked, given up after some attempts, else it waits again."""
    state = case((jobs.c.cancel == 1, "cancelled"), (GIVEN_UP, "failed"), else_="waiting")
    ended = case((or_(jobs.c.cancel == 1, GIVEN_UP), now), else_=None)
    return {"state": state, "ended_us": ended, "owner": "", "lease_us": None}


def _lost_words(why: str) -> ColumnElement[str]:
    last = f"{why}, {MOST_ATTEMPTS} times; see the worker's log and whether there is memory enough"
    return case((jobs.c.cancel == 1, "cancelled"), (GIVEN_UP, last), else_=f"{why}; it is begun again")
