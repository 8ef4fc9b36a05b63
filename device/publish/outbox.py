"""Outbox: events on disk from the moment they happen until the broker has acknowledged them, and a while for the event stream."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from contracts.errors import StorageError
from contracts.event import Event
from contracts.health import OutboxHealth
from device.pipeline.board import Board, PartWord
from device.pipeline.sqlite_file import lacking
from device.pipeline.tally import Tally
from device.publish import history, messages, resend, waiting
from device.publish.history import Past
from device.publish.messages import Message
from device.publish.outbox_options import Options
from device.publish.stamp import Stamp
from device.publish.store import Store
from device.publish.waiting import Unsaved, Waiting
from device.publish.wakes import Wakes

log = logging.getLogger(__name__)
T = TypeVar("T")
PART = "outbox"
MANY_ACKED = 512  # so many are deleted without waiting for the next commit
SHED_TO = 95  # percent of the bound: shedding a little more than needed is not done at every commit


class Outbox:
    """`add` and `commit` belong to one thread (Journal); `pending`, `acknowledge` and the readers to any.

    Acknowledged rows are deleted with the next commit: a crash in between sends them again under the same id.
    Without a broker (`delivers=False`) nothing waits; messages have their numbers all the same, for the event stream.
    """

    def __init__(
        self, path: Path, stamp: Stamp, board: Board, tally: Tally, *, options: Options | None = None, delivers: bool = True
    ) -> None:
        self.options = options or Options()
        self._path, self._stamp, self._clock, self._board, self._tally = path, stamp, stamp.clock, board, tally
        self._delivers = delivers
        self._lock = threading.Lock()  # over the small state below; never held while the disk works
        self._batch: list[Unsaved] = []
        self._acked: dict[int, int] = {}  # seq -> mono_ns of the acknowledgement
        self._depth = self._bytes = self._told_bytes = self._last_seq = self._shed = self._shed_to = self._lost = 0
        self._committed_ns = self._tried_ns = -(1 << 62)
        self._store: Store | None = None
        self._trouble = False
        self._wake = Wakes()
        self.finished = False
        self.commit()

    # ---- the journal's side

    def add(self, event: Event, mono_ns: int) -> None:
        """Take a message; it is on disk after the next commit."""
        message = self._message(event, mono_ns)
        with self._lock:
            self._batch.append(message)
            if self._trouble and len(self._batch) > self.options.max_unsaved:
                waiting.give_up_one(self._batch)  # memory is full too
                self._lost += 1
                self._tally.count("", "outbox", "shed")

    def due_in_s(self) -> float:
        """How long until `commit` should be called."""
        with self._lock:
            if self._trouble:
                due = self._tried_ns + self.options.retry_ms * 1_000_000
            elif self._batch:
                due = self._committed_ns + self.options.group_ms * 1_000_000
            elif len(self._acked) >= MANY_ACKED:
                return 0.0
            elif self._acked:
                due = next(iter(self._acked.values())) + self.options.ack_ms * 1_000_000
            else:
                return float("inf")
        return max(0.0, (due - self._clock.mono_ns()) / 1e9)

    def commit(self) -> None:
        """Everything added and acknowledged so far, in one transaction. A disk that refuses is tried again later."""
        began = self._clock.mono_ns()
        try:
            store = self._store or self._open()
            with self._lock:
                batch, acked = list(self._batch), dict(self._acked)
            if batch or acked:
                self._write(store, batch, acked)
        except (sqlite3.Error, OSError, StorageError) as error:
            self._refused(error)
        else:
            self._settle(len(batch), acked)
            if batch:
                self._committed_ns = self._clock.mono_ns()
                self._tally.took("", "journal.commit", self._committed_ns - began)
        self._tried_ns = self._clock.mono_ns()
        self._wake()

    def finish(self) -> None:
        """No event will come any more; what is on disk can still be read, sent and acknowledged."""
        self.commit()
        self.finished = True
        self._wake()

    def close(self) -> None:
        """When all threads have ended: forget what was acknowledged, let go of the file."""
        self.commit()
        if self._store:
            self._store.close()
            self._store = None

    # ---- the broker's side, and that of whoever reads

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """`wake` is called after each commit, from the journal's thread, until what is returned is called."""
        return self._wake.add(wake)

    def pending(self, after: int, upto: int, limit: int) -> list[Waiting]:
        """Journalled messages with after < seq <= upto that were not acknowledged, in order."""
        return self._read(lambda store: waiting.pending(store, (after, upto), limit, self._acked), [])

    def unsaved(self) -> list[Unsaved]:
        """What only memory holds because the disk takes nothing; empty while all is well."""
        with self._lock:
            return list(self._batch) if self._trouble else []

    def acknowledge(self, seq: int) -> None:
        with self._lock:
            self._acked[seq] = self._clock.mono_ns()

    @property
    def last_seq(self) -> int:
        return self._last_seq

    def health(self) -> OutboxHealth:
        oldest = next(iter(self.pending(0, self._last_seq, 1)), None)
        with self._lock:
            return OutboxHealth(
                depth=max(0, self._depth - len(self._acked)),
                bytes=self._bytes,
                oldest_age_s=(self._clock.mono_ns() - oldest.mono_ns) / 1e9 if oldest and oldest.boot == self._stamp.boot else None,
                unsaved=len(self._batch) if self._trouble else 0,
                shed=self._shed + self._lost,
                shed_to_seq=self._shed_to,
                last_seq=self._last_seq,
            )

    # ---- the page's side

    def recent(
        self, limit: int = 50, before: int | None = None, *, camera: str | None = None, label: str | None = None, kind: str | None = None
    ) -> list[Past]:
        """Latest state of each event, newest first; `before` is the number of the last one seen."""
        return self._read(lambda store: history.recent(store, limit, before, camera=camera, label=label, kind=kind), [])

    def find(self, event_id: UUID) -> Event | None:
        return self._read(lambda store: history.find(store, event_id), None)

    def since(self, after: int, limit: int) -> list[Message]:
        """The next messages after that number that are kept for the event stream, sent to the broker or not."""
        return self._read(lambda store: messages.since(store, after, limit), [])

    def journalled(self, first: int, last: int, limit: int) -> list[tuple[int, bytes]]:
        return self._read(lambda store: resend.between(store, first, last, limit), [])

    def first_kept(self) -> int:
        """The oldest number that `since` can begin with; one after the last while nothing is kept."""
        last = self._last_seq
        return self._read(messages.first, None) or last + 1

    # ---- inside

    def _message(self, event: Event, mono_ns: int) -> Unsaved:
        envelope = self._stamp.wrap("event", event, event.t, mono_ns, event.model)
        return Unsaved(envelope.id, event, self._clock.mono_ns(), envelope.model_dump_json(exclude={"seq", "replay"}))

    def _open(self) -> Store:
        store = Store(self._path)
        depth, size = waiting.totals(store)
        shed, shed_to = waiting.shed_before(store)
        told = messages.total(store)
        ends = [self._message(event, self._clock.mono_ns()) for event in history.interrupted(store)]
        with self._lock:
            self._depth, self._bytes, self._last_seq, self._told_bytes = depth, size, store.last_seq(), told
            self._shed, self._shed_to = shed, shed_to
            self._batch[:0] = ends
        if store.report:
            self._say("degraded", store.report)
        self._store = store
        return store

    def _write(self, store: Store, batch: list[Unsaved], acked: dict[int, int]) -> None:
        store.floor.reserve(store.last_seq() + len(batch))
        with store.write() as db:
            seqs = [waiting.insert(db, message, self._stamp.boot) for message in batch]
            for message in batch:
                history.keep(db, message.event)
            history.prune(db, self.options.history)
            kept = ((seq, message.event, resend.head_of(message.body)) for seq, message in zip(seqs, batch, strict=True))
            told = messages.keep(db, kept, self._told_bytes, self.options)
            gone = waiting.delete(db, list(acked) if self._delivers else [*acked, *seqs])
            size = self._bytes + sum(len(message.body) for message in batch) - sum(row.size for row in gone)
            shed = waiting.shed(db, size - SHED_TO * self.options.max_bytes // 100) if size > self.options.max_bytes else []
            shed_count, shed_to = self._shed + self._lost + len(shed), max([self._shed_to, *(row.seq for row in shed)])
            if shed or self._lost:
                waiting.remember_shed(db, shed_count, shed_to)
        with self._lock:
            self._depth += len(seqs) - len(gone) - len(shed)
            self._bytes = size - sum(row.size for row in shed)
            self._last_seq, self._told_bytes = max([self._last_seq, *seqs]), told
            self._shed, self._shed_to, self._lost = shed_count, shed_to, 0
        if shed:
            self._tally.count("", "outbox", "shed", len(shed))

    def _settle(self, written: int, acked: dict[int, int]) -> None:
        with self._lock:
            del self._batch[:written]
            for seq in acked:
                self._acked.pop(seq, None)
            recovered, self._trouble = self._trouble, False
        if recovered or PART not in self._board.parts():
            self._say("ok", "")

    def _refused(self, error: Exception) -> None:
        """The disk takes nothing, or the file turned out damaged: keep all in memory, say so, try again."""
        first, self._trouble = not self._trouble, True
        if not lacking(error) and self._store:  # damaged: the next try opens it anew, which sets it aside
            self._store.close()
            self._store = None
        text = f"{self._path}: {error}; events are kept in memory, make room on that disk or mend its permissions"
        if first:
            log.error(text)
        self._say("failed", text)

    def _read(self, ask: Callable[[Store], T], otherwise: T) -> T:
        store = self._store
        try:
            return ask(store) if store else otherwise
        except sqlite3.Error:  # the writer meets the same fault and reports it
            return otherwise

    def _say(self, state: PartWord, reason: str) -> None:
        self._board.part(PART, state, reason, self._clock.wall_ns())
