"""Watch: judges what came since it last looked, and says when the moment to retrain has come; once, however many watch."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from itertools import groupby

from sqlalchemy import Connection, select, update

from contracts.errors import VedetteError
from trainer.accounts.audit import Audit
from trainer.clock import Clock, wall_us
from trainer.drift.calls import WATCH, Call, decide
from trainer.drift.options import Options
from trainer.drift.standing import keep, stand
from trainer.drift.streams import HOUR_US, Stream, forget, newest, streams
from trainer.jobs.queue import Jobs
from trainer.store.catalogue import insert_or_ignore
from trainer.store.database import Database
from trainer.store.drift_tables import drift_calls, drift_marks

log = logging.getLogger(__name__)
EVERY_S = 120.0
MARK, HOUR = "judged", "hour"


class Watch:
    """`step` is called now and then; it costs two queries while nothing new came."""

    def __init__(self, database: Database, clock: Clock, options: Callable[[], Options]) -> None:
        self._database, self._clock, self._options = database, clock, options
        self._audit, self._jobs = Audit(database, clock), Jobs(database, clock)
        self.trouble = ""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.step()
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 - a seam: nobody sees this thread end, and drift would never be judged again
                self._say(str(error) if isinstance(error, VedetteError) else f"{type(error).__name__}: {error}")
            stop.wait(EVERY_S)

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("drift is not judged: %s", trouble)
        self.trouble = trouble

    def step(self) -> list[Call]:
        """The new calls."""
        now_us = wall_us(self._clock)
        end, options = now_us // HOUR_US - 1, self._options()
        with self._database.read() as connection:
            came, marks = newest(connection), _marks(connection)
            if marks == {MARK: came, HOUR: end} or not came:
                return []
            found = [(model, list(each)) for model, each in groupby(streams(connection, end), key=lambda stream: stream.model)]
        calls = [call for model, of_model in found if (call := self._judged(model, of_model, options, end, now_us))]
        with self._database.write() as connection:
            _mark(connection, {MARK: came, HOUR: end})
            forget(connection, end)
        for call in calls:
            log.warning("%s", call.words)
            if options.then == "fill":
                self._fill(call)
        return calls

    def _judged(self, model: str, of_model: list[Stream], options: Options, end: int, now_us: int) -> Call | None:
        """Computed while others write; written in one short transaction."""
        with self._database.read() as connection:
            stood = stand(connection, model, of_model, options, end)
        with self._database.write() as connection:
            _mark(connection, {})  # of two who watch the second waits here, and finds what the first has said
            keep(connection, model, stood, now_us)
            return decide(connection, self._audit, model, options, now_us)

    def _fill(self, call: Call) -> None:
        """The same call asks for the same job, whoever asks again."""
        job = self._jobs.ask("review_fill", {}, "drift watch", f"drift {call.number}")
        with self._database.write() as connection:
            connection.execute(update(drift_calls).where(drift_calls.c.number == call.number).values(job=job.id))
            self._audit.note_in(connection, WATCH, "job asked for", f"review_fill {job.id}", drift=call.number)


def _marks(connection: Connection) -> dict[str, int]:
    return {row.name: int(row.number) for row in connection.execute(select(drift_marks.c.name, drift_marks.c.number))}


def _mark(connection: Connection, marks: dict[str, int]) -> None:
    of = drift_marks.c
    for name in (MARK, HOUR):
        connection.execute(insert_or_ignore(connection, drift_marks), [{"name": name, "number": 0}])
        connection.execute(update(drift_marks).where(of.name == name).values(number=marks.get(name, of.number)))
