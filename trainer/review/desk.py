"""Desk: where labellers work: drafts, answers and second thoughts, each a revision of its own; who is late is told so."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, func, insert, or_, select, update

from contracts.errors import ProtocolError
from trainer.clock import Clock, wall_us
from trainer.review.labels import STATES, Decision, Draft, check
from trainer.review.refusals import Closed, Misused, Stale
from trainer.review.rows import Item, categories_of, item_of, said_of, standing_of
from trainer.store.database import Database
from trainer.store.review_tables import review_items, review_labels

LEASE_US = 120_000_000  # for so long an item that was handed out is handed to nobody else
MOST_REVISIONS = 2000  # of one item; after that it can only be answered
LONGEST_KEY = 128
NOTHING, WAITS = 0, 1  # of what is to be written into the data set


@dataclass(frozen=True)
class Answered:
    """`next`: the item that is worth most now and that nobody else works on, handed to who answered. `repeated`: it was here before."""

    version: int
    next: str | None
    repeated: bool = False


class Desk:
    """Every change names the version it was made of; the item's version counts changes. Safe from several threads and processes."""

    def __init__(self, database: Database, sets: Path, clock: Clock) -> None:
        self._database, self._sets, self._clock = database, sets, clock
        self._turn = threading.Lock()

    def draft(self, item: str, version: int, said: Draft, who: str) -> int:
        """The new version."""
        with self._turn, self._database.write() as connection:
            found = self._open(connection, item, version, said)
            return self._revise(connection, found, "draft", said, who, state="open")

    def answer(self, item: str, version: int, said: Decision, who: str, key: str = "") -> Answered:
        """Durable when it returns. The same `key` with the same words again gives the same answer and changes nothing."""
        if len(key) > LONGEST_KEY:
            raise ProtocolError(f"idempotency key: has {len(key)} characters; at most {LONGEST_KEY} are taken")
        request = sha256(f"{item}|{said.model_dump_json()}".encode()).hexdigest()
        with self._turn, self._database.write() as connection:
            before = self._repeated(connection, who, key, request)
            if before is not None:
                return Answered(before, self._hand_out(connection, who, item), repeated=True)
            found = self._open(connection, item, version, said)
            if said.answer == "nothing":  # what "all" was, is decided now
                said = said.model_copy(update={"exhaustive_for": categories_of(connection, self._sets, found.set)})
            made = self._revise(connection, found, "answer", said, who, state=STATES[said.answer], key=key or None, request=request)
            return Answered(made, self._hand_out(connection, who, item))

    def reopen(self, item: str, who: str, version: int | None = None) -> int:
        """What was answered is taken back, also out of the data set; it is kept all the same, and begun from."""
        with self._turn, self._database.write() as connection:
            found = item_of(connection, item)
            if version is not None and version != found.version:
                raise Stale(item, standing_of(connection, found))
            if found.state not in STATES.values():
                raise Closed(f"item {item}: is {found.state}; only what was answered can be reopened")
            before = said_of(connection, item).answer
            kept = Draft.model_validate(before.model_dump()) if before else Draft()
            written = before is not None and before.answer in {"boxes", "nothing"}
            return self._revise(
                connection, found, "reopen", kept.model_copy(update={"seconds": 0.0}), who, state="open", taken_back=written
            )

    def next(self, who: str) -> str | None:
        """The item to begin with."""
        with self._turn, self._database.write() as connection:
            return self._hand_out(connection, who, "")

    def _open(self, connection: Connection, item: str, version: int, said: Draft) -> Item:
        found = item_of(connection, item)
        if version != found.version:
            raise Stale(item, standing_of(connection, found))
        if found.state != "open":
            raise Closed(f"item {item}: is {found.state}; reopen it to say something else")
        check(said, found.width, found.height, categories_of(connection, self._sets, found.set))
        return found

    def _revise(
        self, connection: Connection, item: Item, kind: str, said: Draft, who: str, *, state: str, key: str | None = None,
        request: str | None = None, taken_back: bool = False,
    ) -> int:  # fmt: skip
        before = connection.execute(select(func.max(review_labels.c.t_us)).where(review_labels.c.item == item.id)).scalar()
        now, made = max(wall_us(self._clock), (before or 0) + 1), item.version + 1  # no two versions are of one time
        if kind == "draft" and made > MOST_REVISIONS:
            raise Closed(f"item {item.id}: was changed {MOST_REVISIONS} times; answer it now, with unsure or skip if need be")
        lease = {"assignee": who, "lease_us": now + LEASE_US} if kind == "draft" else {"assignee": "", "lease_us": 0}
        changes = update(review_items).where(review_items.c.id == item.id, review_items.c.version == item.version)
        values = {"version": made, "state": state, "seconds": review_items.c.seconds + said.seconds, **lease}
        if connection.execute(changes.values(values)).rowcount != 1:  # another process, between our look and now
            raise Stale(item.id, standing_of(connection, item_of(connection, item.id)))
        answer = said.answer if isinstance(said, Decision) else None
        row = {
            "item": item.id, "version": made, "kind": kind, "answer": answer, "who": who, "t_us": now, "seconds": said.seconds,
            "body": said.model_dump_json(exclude_defaults=True) if answer is None else said.model_dump_json(), "key": key,
            "request": request, "written": WAITS if answer in {"boxes", "nothing"} or taken_back else NOTHING,
        }  # fmt: skip
        connection.execute(insert(review_labels), row)
        return int(made)

    def _repeated(self, connection: Connection, who: str, key: str, request: str) -> int | None:
        if not key:
            return None
        query = select(review_labels.c.version, review_labels.c.request).where(review_labels.c.who == who, review_labels.c.key == key)
        found = connection.execute(query).one_or_none()
        if found is not None and found.request != request:
            raise Misused(f"idempotency key {key[:40]!r}: came with another answer before; give each answer a key of its own")
        return int(found.version) if found is not None else None

    def _hand_out(self, connection: Connection, who: str, but: str) -> str | None:
        now, items = wall_us(self._clock), review_items.c
        free = or_(items.assignee.in_(["", who]), items.lease_us < now)
        query = select(items.id).where(items.state == "open", items.id != but, free).order_by(items.turn.desc(), items.id).limit(1)
        found = connection.execute(query.with_for_update(skip_locked=True) if not self._database.sqlite else query).scalar_one_or_none()
        if found is not None:
            connection.execute(update(review_items).where(items.id == found).values(assignee=who, lease_us=now + LEASE_US))
        return found

    def revisions(self) -> int:
        """All that was ever said, counted."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(review_labels)).scalar_one())
