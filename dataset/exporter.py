"""Exporter: a data set that pictures and what is known of them are added to: `with Exporter("dataset") as exporter: exporter.add(...)`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import TracebackType
from uuid import UUID

from contracts.dataset import Annotation, Metadata, Region
from contracts.errors import ConfigError, StorageError
from dataset.about import About, Added, Facts, facts_of, record
from dataset.coco import pour, write_coco
from dataset.filters import Filters
from dataset.index import EACH
from dataset.items import Writer
from dataset.known import Held, Known
from dataset.layout import checked
from dataset.marks import Mark, numbered, region
from dataset.native import NativeReader
from dataset.phash import REACH_BITS, phash
from dataset.picture import as_bgr, image_id, stored
from dataset.records import record_id
from dataset.refresh import Refresh
from dataset.store import Incoming, Store
from dataset.totals import totals, write_totals
from dataset.turn import Turn
from dataset.waiting import Waiting
from vision.types import Image

log = logging.getLogger(__name__)
AT_ONCE = 50  # annotation files that are made up for beside those of a commit
AT_CLOSE = 2000  # annotation files that are made up for at a close; more wait for the next opening
MOST_WAITING = 1000  # records that wait for a commit, whatever batch size was asked for


class Exporter:
    """One writer a data set. `add` keeps a record in waiting; every `batch_size` of them, and at `commit` and `close`, they become durable
    together. StorageError from `add` or `commit`: what waited is not in the data set, what was committed is.

    Safe to be called from several threads, one after another.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        batch_size: int = 50,
        filters: Filters = Filters(),  # noqa: B008  frozen
        near_duplicate_bits: int = 6,
        near_duplicates: str = "link",
        png_level: int = 1,
        description: str = "",
    ) -> None:
        if not 0 <= near_duplicate_bits <= REACH_BITS or near_duplicates not in {"link", "skip"}:
            raise ConfigError(f"near duplicates: bits are from 0 to {REACH_BITS}, and what to do with them is link or skip")
        self._filters, self._bits, self._skip_near = filters, near_duplicate_bits, near_duplicates == "skip"
        self._level, self._description, self._batch_size = png_level, description, min(max(1, batch_size), MOST_WAITING)
        self._turn = Turn(Path(root))
        with self._turn:
            self.store = Store(Path(root))
            try:
                self._refresh = Refresh(self.store)
            except BaseException:
                self.store.close()  # or nobody could open the data set any more
                raise
        self._waiting = Waiting()
        self._skipped: Counter[str] = Counter()
        self.committed = 0  # records, since it was opened

    def add(self, image: Image, marks: Sequence[Mark], about: About) -> Added:
        """A picture (BGR or gray, uint8) with what is known of it. ValueError for what cannot be a picture or a box."""
        with self._turn:
            image = as_bgr(image)
            if refused := self._filters.refuses(marks, about.success, about.active_states):
                return self._refuse(refused)
            name = image_id(image)
            identity = record_id(about.session, about.source, about.action_type, about.action_id, about.reason, name, _when(about))
            if self._has(identity):
                return Added(identity, name, repeated=True)
            labels, ignore = self._said(marks, about, image.shape[1], image.shape[0])
            facts = self._facts(name)
            if facts is not None and self._there(name):
                return self._wait(identity, name, facts, None, labels, ignore, about)
            value = phash(image)
            near = self._near(value)
            if near and self._skip_near:
                return self._refuse("near_duplicate")
            shot = stored(image, name, value, self._level)
            kin = (facts.near_duplicate_of, facts.near_duplicate_bits) if facts else near or (None, None)
            facts = Facts(shot.width, shot.height, len(shot.png), shot.sha256, value, *kin)  # one that was lost may come with other bytes
            return self._wait(identity, name, facts, self.store.bring(shot), labels, ignore, about)

    def review(self, image: str, marks: Sequence[Mark], about: About) -> Added:
        """What somebody says of a picture that is in the data set; `about.reviewed` when it was of the whole picture."""
        with self._turn:
            facts = self._facts(checked(image))
            if facts is None:
                raise ConfigError(f"picture {image}: is not in the data set; name one of its images")
            identity = record_id(about.session, about.source, about.action_type, about.action_id, about.reason, image, _when(about))
            if self._has(identity):
                return Added(identity, image, repeated=True)
            labels, ignore = self._said(marks, about, facts.width, facts.height)
            return self._wait(identity, image, facts, None, labels, ignore, about)

    def skip(self, reason: str, count: int = 1) -> None:
        """Candidates that were not even offered; the next record says how many, and why."""
        with self._turn:
            self._skipped[reason] += count

    @property
    def waiting(self) -> int:
        """Records that wait for a commit."""
        return len(self._waiting)

    def commit(self) -> int:
        """Everything that waits becomes durable; how many records. StorageError: none of them is in the data set."""
        with self._turn:
            batch, self._waiting = self._waiting.batch, Waiting()
            if batch:
                self.store.commit(batch)
                self.committed += len(batch)
                self._follow(len(batch) + AT_ONCE)
            return len(batch)

    def _follow(self, files: int) -> None:
        """What is derived may fall behind: the records are safe, and the files are made later."""
        try:
            self._refresh.step(files)
        except StorageError as error:
            log.warning("annotation files fall behind", extra={"reason": str(error)})

    def summary(self) -> Metadata:
        """Of what is committed."""
        with self._turn:
            return totals(self.store, self._description)

    def acknowledge(self, image_ids: Sequence[str], by: str, at: datetime) -> int:
        """Somebody (the trainer, a disk) has these pictures and all that was said of them until now. How many are known."""
        with self._turn:
            found = [known for each in image_ids if (known := self.store.known(checked(each)))]
            if found:
                self.store.acknowledge(found, by, at)
            return len(found)

    def remove(self, image_ids: Sequence[str], why: str, at: datetime, unacknowledged: bool = False) -> list[str]:
        """Leave a tombstone for each and delete its files; what nobody else has stays unless `unacknowledged`. Those removed."""
        with self._turn:
            self.commit()
            found = [known for each in dict.fromkeys(image_ids) if (known := self.store.known(checked(each)))]
            chosen = [known for known in found if known.acknowledged or unacknowledged]
            self.store.bury(chosen, why, at)
            for known in chosen:
                self._refresh.delete(known)
            return [known.id for known in chosen]

    def offered(self, limit: int, largest_first: bool = False, acknowledged: bool = True) -> list[Known]:
        """Pictures that could be removed; either those that somebody else has, or those that nobody has."""
        with self._turn:
            return self.store.index.offered(limit, largest_first, acknowledged)

    def held(self) -> Held:
        """How much there is."""
        with self._turn:
            return self.store.index.held()

    def refresh(self) -> None:
        """Every annotation file and the totals, however long it takes."""
        with self._turn:
            self.commit()
            while self._refresh.step(EACH):
                pass
            self._refresh.settle()
            write_totals(self.store, self._description)

    def convert(self, writer: Writer) -> int:
        """Everything that is committed into another format; how many pictures. Nothing is left of one that fails."""
        with closing(NativeReader(self.store.layout.root)) as reader:
            return pour(reader, writer)

    def write_coco(self) -> int:
        """`dataset.json`, of what is committed; how many pictures."""
        return write_coco(self.store.layout.root)

    def close(self) -> None:
        """Commit what waits, bring up what is derived, let go of the data set."""
        with self._turn:
            try:
                self.commit()
                self._refresh.step(AT_CLOSE)
                self._refresh.settle()
                write_totals(self.store, self._description)
            finally:
                self.store.close()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _refuse(self, reason: str) -> Added:
        self._skipped[reason] += 1
        return Added(None, "", refused=reason)

    def _has(self, identity: UUID) -> bool:
        return self._waiting.has(identity) or self.store.index.has_record(identity.bytes)

    def _said(self, marks: Sequence[Mark], about: About, width: int, height: int) -> tuple[list[Annotation], list[Region]]:
        sure, doubtful = self._filters.split(marks)
        ignored = [found for mark in doubtful if (found := region(mark.bbox, width, height, "doubtful"))]
        return numbered(sure, width, height, self.store.classes), [*about.ignore, *ignored]

    def _facts(self, name: str) -> Facts | None:
        """Of a picture that is in the data set or waits."""
        waiting = self._waiting.picture(name)
        if waiting:
            return facts_of(waiting)
        known = self.store.known(name)
        said = self.store.records(known, 1) if known else []
        return facts_of(said[-1]) if said else None

    def _there(self, name: str) -> bool:
        """Its file is: somebody may have deleted it."""
        return self._waiting.brings(name) or self.store.layout.image(name).exists()

    def _near(self, value: int) -> tuple[str, int] | None:
        """The nearest earlier picture that is the first of its kind, and in how many bits it differs."""
        waiting, found = self._waiting.near(value, self._bits), self.store.index.near.nearest(value, self._bits)
        if found and (waiting is None or found[0] <= waiting[0]):
            return self.store.index.numbered(found[1]).id, found[0]
        return (waiting[1], waiting[0]) if waiting else None

    def _wait(
        self, identity: UUID, name: str, facts: Facts, temp: Path | None, labels: list[Annotation], ignore: list[Region], about: About
    ) -> Added:
        made = record(identity, name, facts, labels, ignore, about, is_new=temp is not None, skipped=self._skipped)
        self._skipped.clear()
        self._waiting.add(Incoming(made, temp))
        if len(self._waiting) >= self._batch_size:
            self.commit()
        return Added(identity, name, made.is_new, made.bytes if made.is_new else 0, made.near_duplicate_of)


def _when(about: About) -> str:
    return str(about.pts_ns) if about.pts_ns is not None else about.timestamp.isoformat()
