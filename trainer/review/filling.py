"""Filling: what data sets have more since the last time goes into the queue; killed at any instant it goes on where it was."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from contracts.dataset import Record
from contracts.errors import ConfigError
from dataset.bounds import check_name
from dataset.index import TAIL
from dataset.layout import Layout, open_regular
from dataset.lines import Line, read_lines
from dataset.merge import REVIEW
from dataset.records import REMOVED, micros, read_record, record_id
from trainer.clock import Clock, wall_us
from trainer.jobs.told import Silent, Told
from trainer.review.room import make_room
from trainer.review.settling import Settling
from trainer.review.twins import band_columns, twin_of
from trainer.review.worth import DRAWN, turn, value
from trainer.store.catalogue import insert_or_ignore
from trainer.store.database import Database
from trainer.store.review_tables import review_items, review_sets

EACH = 200  # records of a transaction
MOST_OPEN = 5000
MOST_CLASSES = 1000


@dataclass
class Filled:
    """`open`: what waits for a labeller now; `passed`: for which there is no room."""

    sets: int = 0
    records: int = 0
    added: int = 0
    twins: int = 0
    gone: int = 0
    open: int = 0
    passed: int = 0
    written: int = 0  # answers that had waited for their data set
    waiting: int = 0


def fill(
    database: Database, sets: Path, clock: Clock, *, names: Sequence[str] = (), classes: Sequence[str] = (), most: int = MOST_OPEN,
    told: Told | None = None,
) -> Filled:  # fmt: skip
    """Of the data sets named, or of all there are."""
    told, done = told or Silent(), Filled()
    found = list(names) or sorted(path.name for path in sets.iterdir() if (path / "manifest.jsonl").is_file())
    for number, name in enumerate(found):
        if not (sets / name / "manifest.jsonl").is_file():
            raise ConfigError(f"data set {name[:80]}: is not in {sets}; fetch one with `vedette-trainer fetch BOX --into {sets}/NAME`")
        _Filling(database, sets / name, clock, done).run(classes, told, number / len(found), 1 / len(found))
        done.sets += 1
    done.open, done.passed = make_room(database, most)
    settled = Settling(database, sets).settle()
    done.written, done.waiting = settled.written, settled.waiting
    return done


class _Filling:
    """One data set."""

    def __init__(self, database: Database, folder: Path, clock: Clock, done: Filled) -> None:
        self._database, self._folder, self._clock, self._done = database, folder, clock, done
        self._name = folder.name
        self._seen: Counter[str] = Counter()

    def run(self, classes: Sequence[str], told: Told, begun: float, part: float) -> None:
        handle = open_regular(Layout(self._folder).manifest)
        try:
            size, at = os.fstat(handle).st_size, self._begin(handle, classes)
            while (chunk := _whole(handle, at)) and not told.stopped():
                at = self._take(handle, chunk)
                told.progress(begun + part * at / max(1, size), f"{self._name}: {self._done.added} pictures in the queue")
        finally:
            os.close(handle)

    def _begin(self, handle: int, classes: Sequence[str]) -> int:
        """Where to go on; from the beginning, when the manifest is another one: what is known is known again."""
        with self._database.write() as connection:
            fresh = {"name": self._name, "upto": 0, "tail": tail(handle, 0), "classes": "[]", "counts": "{}", "filled_us": 0}
            connection.execute(insert_or_ignore(connection, review_sets), fresh)
            row = connection.execute(select(review_sets).where(review_sets.c.name == self._name)).one()
            named = list(dict.fromkeys([*json.loads(row.classes), *classes]))
            for each in named:
                check_name(each, "class")
            if len(named) > MOST_CLASSES:
                raise ConfigError(f"data set {self._name}: {len(named)} classes; name at most {MOST_CLASSES}")
            good = row.upto <= os.fstat(handle).st_size and tail(handle, row.upto) == row.tail
            values = {"classes": json.dumps(named), **({} if good else {"upto": 0, "counts": "{}"})}
            connection.execute(update(review_sets).where(review_sets.c.name == self._name).values(values))
        return int(row.upto) if good else 0

    def _take(self, handle: int, chunk: Sequence[Line]) -> int:
        """With how far that is, in one transaction. Where to go on: somebody else may fill too, and be ahead of us."""
        here = review_sets.c.name == self._name
        with self._database.write() as connection:
            row = connection.execute(select(review_sets).where(here).with_for_update()).one()
            if row.upto != chunk[0].start:
                return int(row.upto)
            self._seen = Counter(json.loads(row.counts))
            for record in _records(chunk):
                self._done.records += 1
                self._record(connection, record)
            values = {
                "upto": chunk[-1].end, "tail": tail(handle, chunk[-1].end), "filled_us": wall_us(self._clock),
                "counts": json.dumps(dict(sorted(self._seen.items()))),
            }  # fmt: skip
            connection.execute(update(review_sets).where(here).values(values))
        return chunk[-1].end

    def _record(self, connection: Connection, record: Record) -> None:
        here = (review_items.c.set == self._name) & (review_items.c.image == record.image_id)
        if record.action_type == REMOVED:
            gone = update(review_items).where(here, review_items.c.state.in_(["open", "passed"])).values(state="gone")
            self._done.gone += connection.execute(gone).rowcount
            return
        if record.action_type == REVIEW or record.reviewed:  # what a person said already
            return
        known = connection.execute(select(review_items).where(here)).one_or_none()
        drawn = record.reason in DRAWN and record.success is not False
        if known is None:
            self._add(connection, record, drawn)
        elif known.state == "gone":
            connection.execute(update(review_items).where(here).values(state="open"))
        elif drawn and not known.drawn:  # it was kept on purpose before, and now by chance too
            facts = {"drawn": 1, "probability": record.sampling_probability, "reason": record.reason}
            connection.execute(update(review_items).where(here).values(facts))
            self._weigh(connection, known.twin or known.id, 1 / record.sampling_probability)

    def _add(self, connection: Connection, record: Record, drawn: bool) -> None:
        self._seen.update(label.category_name for label in record.labels)
        item, t_us = str(item_id(self._name, record.image_id)), micros(record.timestamp)
        twin = twin_of(connection, record, t_us)
        worth = value(record.reason, record.labels, self._seen)
        weight = 1 / record.sampling_probability if drawn else 0.0
        row = {
            "id": item, "set": self._name, "image": record.image_id, "sha256": record.sha256, **band_columns(int(record.phash, 16)),
            "width": record.width, "height": record.height, "device": record.device, "session": record.session, "camera": record.source,
            "t_us": t_us, "reason": record.reason, "probability": record.sampling_probability, "drawn": int(drawn),
            "weight": 0.0 if twin else weight, "model": record.model, "boxes": boxes_of(record), "count": len(record.labels),
            "ignore": json.dumps([region.bbox for region in record.ignore]), "value": worth, "turn": turn(worth, item),
            "state": "twin" if twin else "open", "version": 1, "twin": twin.first if twin else None, "came_us": wall_us(self._clock),
        }  # fmt: skip
        connection.execute(insert(review_items), row)
        self._done.added += twin is None
        self._done.twins += twin is not None
        if twin is not None and drawn and not twin.copy:
            self._weigh(connection, twin.first, weight)

    def _weigh(self, connection: Connection, item: str, weight: float) -> None:
        """It stands for so many pictures more."""
        more = {"weight": review_items.c.weight + weight}
        connection.execute(update(review_items).where(review_items.c.id == item).values(more))


def _whole(handle: int, at: int) -> list[Line]:
    """Some lines from there on; the last one may be on its way."""
    return list(islice((line for line in read_lines(handle, at) if line.whole), EACH))


def _records(chunk: Sequence[Line]) -> Iterator[Record]:
    return (record for line in chunk if (record := read_record(line.text)))


def item_id(name: str, image: str) -> UUID:
    """The same whenever it is filled."""
    return record_id("", "review", name, image)


def boxes_of(record: Record) -> str:
    """What the model said: x, y, width, height, confidence, class."""
    return json.dumps([[*label.bbox, label.confidence, label.category_name] for label in record.labels], separators=(",", ":"))


def tail(handle: int, upto: int) -> str:
    """By which a manifest is known again."""
    start = max(0, upto - TAIL)
    return sha256(os.pread(handle, upto - start, start)).hexdigest()
