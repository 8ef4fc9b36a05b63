"""Settling: what was answered becomes observations of the data set, each exactly once, whoever is killed in between.

An answer is durable in the store first, marked as waiting. The observation's id is made of the item and the answer's version, so that
writing it again adds nothing; only when the data set has it is the mark taken away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select, update

from contracts.errors import ConfigError, VedetteError
from dataset.about import About
from dataset.exporter import Exporter
from dataset.marks import Mark, region
from dataset.merge import REVIEW
from trainer.review.desk import WAITS
from trainer.review.labels import Box, Draft, Marked
from trainer.review.listing import EPOCH
from trainer.store.database import Database
from trainer.store.review_tables import review_items, review_labels

log = logging.getLogger(__name__)
WRITTEN, NOWHERE = 2, 3  # NOWHERE: the picture is no more in the data set
EACH = 200
REASON = "review"


@dataclass
class Settled:
    """`waiting`: answers that could not be written now, and `why`; they are tried again."""

    written: int = 0
    nowhere: int = 0
    waiting: int = 0
    why: list[str] = field(default_factory=list)


class Settling:
    """`settle` from any thread; one at a time of a process, and the data set's own lock keeps others away."""

    def __init__(self, database: Database, sets: Path) -> None:
        self._database, self._sets = database, sets
        self._one, self._asked = threading.Lock(), threading.Event()

    def settle(self) -> Settled:
        """Everything that waits. Who comes while another settles has nothing to do: that one looks again before it ends."""
        done = Settled()
        self._asked.set()
        while self._asked.is_set() and self._one.acquire(blocking=False):
            try:
                self._asked.clear()
                self._all(done)
            finally:
                self._one.release()
        done.waiting = self.waiting()
        return done

    def _all(self, done: Settled) -> None:
        after, refused = 0, set[str]()
        while rows := self._some(after):
            after = rows[-1].number
            for name, group in groupby(rows, key=lambda row: str(row.set)):
                if name not in refused and not self._into(name, list(group), done):
                    refused.add(name)  # or a later answer could come before this one

    def waiting(self) -> int:
        query = select(func.count()).select_from(review_labels).where(review_labels.c.written == WAITS)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def _some(self, after: int) -> Sequence[Row[Any]]:
        items, labels = review_items.c, review_labels.c
        of_item = items.set, items.image, items.width, items.height, items.probability
        query = select(review_labels, *of_item).join(review_items, items.id == labels.item)
        query = query.where(labels.written == WAITS, labels.number > after).order_by(labels.number).limit(EACH)
        with self._database.read() as connection:
            return connection.execute(query).all()

    def _into(self, name: str, rows: list[Row[Any]], done: Settled) -> bool:
        """One data set. What it refuses waits."""
        folder = self._sets / name
        try:
            if not (folder / "manifest.jsonl").exists():
                raise ConfigError(f"data set {name}: is not there any more; put it back, or its answers wait for ever")
            with Exporter(folder) as exporter:
                records = [self._write(exporter, row) for row in rows]
                exporter.commit()
        except VedetteError as error:
            done.why.append(str(error))
            log.warning("answers wait", extra={"set": name, "count": len(rows), "reason": str(error)})
            return False
        self._mark(rows, records)
        done.written += sum(record is not None for record in records)
        done.nowhere += sum(record is None for record in records)
        return True

    def _write(self, exporter: Exporter, row: Row[Any]) -> str | None:
        if exporter.store.known(row.image) is None:
            return None
        width, height = row.width, row.height
        said = Draft.model_validate_json(row.body)
        taken_back = row.kind == "reopen"
        ignored = [region(each, width, height, "unclear") for each in said.ignore]
        added = exporter.review(
            row.image,
            [] if taken_back else [mark_of(each, width, height) for each in said.boxes],
            About(
                timestamp=EPOCH + timedelta(microseconds=row.t_us),  # of each version its own, so it makes the record's id
                source=row.who,
                action_type=REVIEW,
                action_id=row.item,
                reviewed=not taken_back and bool(said.exhaustive_for),
                exhaustive_for=() if taken_back else tuple(dict.fromkeys(said.exhaustive_for)),
                ignore=() if taken_back else tuple(each for each in ignored if each),
                reason=REASON,
                sampling_probability=row.probability,
            ),
        )
        return str(added.record)

    def _mark(self, rows: Sequence[Row[Any]], records: Sequence[str | None]) -> None:
        with self._database.write() as connection:
            for row, record in zip(rows, records, strict=True):
                values = {"written": WRITTEN if record else NOWHERE, "record": record}
                connection.execute(update(review_labels).where(review_labels.c.number == row.number).values(values))


def mark_of(each: Marked, width: int, height: int) -> Mark:
    """A person vouches for it, whoever drew it; a model's is known as such."""
    known: dict[str, Any] = {"model_confidence": each.confidence} if each.source == "model" and each.confidence is not None else {}
    source = "detection" if each.source == "model" else "box"
    return Mark(each.category, _inside(each.box, width, height), 1.0, source, verified=True, attributes=known)


def _inside(box: Box, width: int, height: int) -> Box:
    left, top = max(0.0, box[0]), max(0.0, box[1])
    return left, top, min(float(width), box[0] + box[2]) - left, min(float(height), box[1] + box[3]) - top
