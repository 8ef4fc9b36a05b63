"""Writer: a batch of messages into the store, in one transaction: each has its effect once, however often it comes, in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from contracts.event import Event
from contracts.health import Health
from contracts.status import Info, Status
from dataset.records import micros
from trainer.ingest.boxes import Box, Boxes
from trainer.ingest.drifted import take
from trainer.ingest.messages import Message, Refused, rank
from trainer.ingest.options import Options
from trainer.ingest.placements import see
from trainer.store.catalogue import insert_or_ignore
from trainer.store.database import Database
from trainer.store.tables import devices, event_messages, events, reports

SLACK = 16  # so much of the bound is too much before old reports are deleted


class Writer:
    """For one thread. After StorageError nothing of the batch is in the store, and the same batch can be given again."""

    def __init__(self, database: Database, options: Options, counts: Counter[str]) -> None:
        self._database, self._options, self._counts = database, options, counts
        self.boxes = Boxes(options.max_devices)
        self._since_pruned: Counter[tuple[int, str]] = Counter()
        self._stale = True

    def load(self) -> None:
        """What the store knows of the boxes, where it is not known here."""
        if self._stale:
            with self._database.read() as connection:
                self.boxes.load(connection)
            self._stale = False

    def forget(self) -> None:
        """Memory may be ahead of the store: it is loaded again."""
        self._stale = True

    def write(self, batch: Sequence[Message], now_us: int) -> None:
        self.load()
        counts: Counter[str] = Counter()
        self._stale = True  # until the commit is through, memory is ahead of the store
        try:
            with self._database.write() as connection:
                self._write(connection, batch, counts, now_us)
        except DBAPIError as error:
            self._poisoned(batch, error, now_us)
            return
        self._stale = False
        self._counts.update(counts)

    def _poisoned(self, batch: Sequence[Message], error: DBAPIError, now_us: int) -> None:
        """The database takes it for no trouble of its own: the message that it will not hold is found by halving, and refused."""
        if len(batch) == 1:
            self._counts["refused.store"] += 1
            return
        half = len(batch) // 2
        self.write(batch[:half], now_us)
        self.write(batch[half:], now_us)

    def _write(self, connection: Connection, batch: Sequence[Message], counts: Counter[str], now_us: int) -> None:
        self.boxes.meet(connection, {each.device for each in batch}, now_us)
        pairs: list[tuple[Message, Box]] = []
        for message in batch:
            try:
                box = self.boxes.of(message.device)
            except Refused as refused:
                counts[f"refused.{refused.reason}"] += 1
                continue
            box.last_us, box.profile = max(box.last_us, now_us), message.envelope.profile
            pairs.append((message, box))
        self._events(connection, [pair for pair in pairs if pair[0].kind == "event"], counts, now_us)
        self._reports(connection, [pair for pair in pairs if pair[0].kind in {"health", "update"}], counts, now_us)
        take(connection, pairs, counts, now_us)
        see(connection, pairs, now_us)
        for message, box in pairs:
            self._state(connection, message, box, now_us)
        touched = {box.number: box for _, box in pairs}
        self.boxes.save(connection, list(touched.values()), now_us)

    def _events(self, connection: Connection, pairs: list[tuple[Message, Box]], counts: Counter[str], now_us: int) -> None:
        if not pairs:
            return
        made = insert_or_ignore(connection, event_messages).returning(event_messages.c.message, event_messages.c.device)
        rows = [_message_row(message, box, now_us) for message, box in pairs]
        new = {(row.message, row.device) for row in connection.execute(made, rows)}
        first: set[tuple[str, int]] = set()
        best: dict[tuple[int, str], dict[str, Any]] = {}
        for message, box in pairs:
            key = (message.envelope.id, box.number)
            is_new = key in new and key not in first
            first.add(key)
            counts["events" if is_new else "doubles"] += 1
            counts["replays"] += is_new and message.envelope.replay
            if message.envelope.seq is not None:
                box.sequence.take(message.envelope.seq, is_new, now_us)
            if is_new:
                row = _event_row(message, box)
                known = best.get((box.number, row["event"]))
                if known is None or row["rank"] >= known["rank"]:
                    best[(box.number, row["event"])] = row
        self._numbered(
            connection, [pair for pair in pairs if pair[0].envelope.seq is not None and (pair[0].envelope.id, pair[1].number) not in new]
        )
        if best:
            connection.execute(_upsert(connection), list(best.values()))

    def _numbered(self, connection: Connection, pairs: list[tuple[Message, Box]]) -> None:
        """What was sent without a number, because the box's disk was full, has one now."""
        if pairs:
            here = event_messages.c
            same = (here.message == bindparam("of"), here.device == bindparam("box"), here.seq.is_(None))
            said = update(event_messages).where(*same).values(seq=bindparam("number_now"))
            connection.execute(said, [{"of": m.envelope.id, "box": box.number, "number_now": m.envelope.seq} for m, box in pairs])

    def _reports(self, connection: Connection, pairs: list[tuple[Message, Box]], counts: Counter[str], now_us: int) -> None:
        if not pairs:
            return
        rows = [
            {"device": b.number, "kind": m.kind, "message": m.envelope.id, "t_us": m.t_us, "came_us": now_us, "body": m.text}
            for m, b in pairs
        ]  # fmt: skip
        connection.execute(insert_or_ignore(connection, reports), rows)
        for message, box in pairs:
            counts[message.kind] += 1
            self._since_pruned[(box.number, message.kind)] += 1
        kept = self._options.health_kept
        for key, count in list(self._since_pruned.items()):
            if count > kept // SLACK:
                self._prune(connection, *key)
                del self._since_pruned[key]

    def _prune(self, connection: Connection, device: int, kind: str) -> None:
        mine = (reports.c.device == device, reports.c.kind == kind)
        oldest = select(reports.c.number).where(*mine).order_by(reports.c.number.desc()).offset(self._options.health_kept).limit(1)
        connection.execute(delete(reports).where(*mine, reports.c.number <= oldest.scalar_subquery()))

    def _state(self, connection: Connection, message: Message, box: Box, now_us: int) -> None:
        if isinstance(message.data, Status):
            box.take_status(message.data, message.t_us)
        elif isinstance(message.data, Info):
            box.software = message.data.software[:64]
            connection.execute(update(devices).where(devices.c.number == box.number).values(info=message.text))
        elif isinstance(message.data, Health) and (outbox := message.data.outbox):
            box.shed_to = max(box.shed_to, outbox.shed_to_seq)
            if outbox.depth == 0 and outbox.unsaved == 0:
                box.sequence.told_last(outbox.last_seq, now_us)


def _message_row(message: Message, box: Box, now_us: int) -> dict[str, object]:
    event, envelope = message.data, message.envelope
    assert isinstance(event, Event)  # noqa: S101  its kind says so
    return {
        "device": box.number, "message": envelope.id, "boot": envelope.boot, "seq": envelope.seq, "event": str(event.id),
        "life": event.life, "t_us": micros(event.t), "replay": int(envelope.replay), "came_us": now_us, "envelope": message.text,
    }  # fmt: skip


def _event_row(message: Message, box: Box) -> dict[str, Any]:
    event = message.data
    assert isinstance(event, Event)  # noqa: S101  its kind says so
    t_us = micros(event.t)
    return {
        "device": box.number, "event": str(event.id), "kind": event.kind, "camera": event.camera, "label": event.label,
        "confidence": event.confidence, "life": event.life, "start_us": micros(event.start),
        "end_us": micros(event.end) if event.end else None, "t_us": t_us, "rank": rank(event.life, t_us),
        "model": message.envelope.model, "body": event.model_dump_json(),
    }  # fmt: skip


def _upsert(connection: Connection) -> Any:
    made = sqlite.insert(events) if connection.dialect.name == "sqlite" else postgresql.insert(events)
    newer = {column.name: made.excluded[column.name] for column in events.c if not column.primary_key}
    keys = [events.c.device, events.c.event]
    return made.on_conflict_do_update(index_elements=keys, set_=newer, where=made.excluded.rank > events.c.rank)
