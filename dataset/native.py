"""NativeReader: a data set of ours as neutral items, oldest picture first, in flat memory; safe beside a writer and on a foreign disk."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from contracts.dataset import Annotation, Record
from contracts.errors import ConfigError, StorageError
from dataset.bounds import ItemError, checked
from dataset.classes import read_document
from dataset.findings import Findings
from dataset.index import Index
from dataset.items import Category, Item, Label, Origin
from dataset.known import Known
from dataset.layout import Layout, open_regular
from dataset.lines import line_at
from dataset.merge import merged
from dataset.records import micros, read_record, since_removal

PAGE = 1000  # pictures fetched from the index at once
OBSERVED = 1000  # observations of one picture that are put together, the newest
SCALARS = (str, int, float, bool)


class NativeReader:
    """`path` is the folder. What holds of a picture is what `annotations/<id>.json` says at its top."""

    def __init__(self, path: Path | str, findings: Findings | None = None) -> None:
        self.layout = Layout(Path(path))
        if not self.layout.manifest.exists():
            raise ConfigError(f"{path}: there is no manifest.jsonl; name the folder of a data set")
        self.findings = findings or Findings()
        self.layout.refuse_strange()
        with ExitStack() as undo:
            self._manifest = open_regular(self.layout.manifest)
            undo.callback(os.close, self._manifest)
            self._index = self._caught_up(undo)
            undo.callback(self._index.close)
            self._undo = undo.pop_all()
        if self._index.damaged:
            self.findings.skip("damaged line", str(self.layout.manifest), f"{self._index.damaged} lines are damaged and left out")

    def _caught_up(self, undo: ExitStack) -> Index:
        """The index beside the manifest where there is a good one that may be written to; else one of our own, while this lives."""
        try:
            if self.layout.index.exists():
                index = Index(self.layout.index)
                if index.knows(self._manifest, os.fstat(self._manifest).st_size):
                    index.catch_up(self._manifest)
                    return index
                index.close()
        except (StorageError, sqlite3.Error):
            pass  # a read-only disk, a damaged file: we can do without
        folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="vedette-index-"))
        index = Index(Path(folder) / "index.sqlite")
        index.catch_up(self._manifest)
        return index

    @property
    def categories(self) -> Sequence[Category]:
        return [Category(each.name, each.id, each.supercategory) for each in read_document(self.layout).categories]

    @property
    def total(self) -> int:
        return self._index.count("SELECT count(*) FROM images WHERE removed = 0")[0]

    def __iter__(self) -> Iterator[Item]:
        return self.following(0)

    def following(self, after: int) -> Iterator[Item]:
        """Pictures whose numbers are above that one, in the order they came."""
        while page := self._index.pictures(after, limit=PAGE):
            for known in page:
                item = self._item(known)
                if item:
                    yield item
            after = page[-1].n

    def item(self, image_id: str) -> Item | None:
        """One picture by its id."""
        known = self._index.picture(image_id)
        return self._item(known) if known and not known.removed else None

    def records(self, image_id: str) -> list[Record]:
        """Everything that holds of one picture and was said of it, oldest first; of many the newest."""
        known = self._index.picture(image_id)
        return self._records(known) if known and not known.removed else []

    def _records(self, known: Known) -> list[Record]:
        lines = (read_record(line_at(self._manifest, start)) for start in self._index.starts(known.n, OBSERVED))
        return since_removal([record for record in lines if record and record.image_id == known.id])

    def _item(self, known: Known) -> Item | None:
        records = self._records(known)
        if not records:
            self.findings.skip("damaged line", known.id, "its lines cannot be read any more; run the check of the data set")
            return None
        try:
            return checked(self._made(known, records))
        except ItemError as error:
            self.findings.skip(error.reason, known.id, str(error))
            return None

    def _made(self, known: Known, records: list[Record]) -> Item:
        now, first, last = merged(records), records[0], records[-1]
        whose = {id(label): str(record.id) for record in records for label in record.labels}
        return Item(
            id=known.id,
            file=f"{known.id}.png",
            width=last.width,
            height=last.height,
            labels=tuple(_label(each, whose.get(id(each), "")) for each in now.annotations),
            path=self._path(known.id),
            ignore=tuple(region.bbox for region in now.ignore),
            exhaustive_for=tuple(now.exhaustive_for),
            attributes={"reviewed": True} if now.reviewed else {},
            origin=_origin(first),
            sha256=last.sha256,
            phash=int(last.phash, 16),
            near=(last.near_duplicate_of,) if last.near_duplicate_of else (),
            number=known.n,
        )

    def _path(self, image_id: str) -> Path | None:
        """None, and noted, for a picture that is not there or is not a plain file."""
        path = self.layout.image(image_id)
        try:
            if stat.S_ISREG(path.lstat().st_mode):
                return path
        except OSError:
            pass
        self.findings.note("no picture", image_id, "its file is not in images/")
        return None

    def close(self) -> None:
        self._undo.close()


def _label(each: Annotation, observation: str) -> Label:
    return Label(
        box=each.bbox,
        category=each.category_name,
        confidence=each.confidence,
        source=each.source,
        verified=each.verified,
        point=each.point,
        track=each.track if each.track is not None and each.track >= 0 else None,
        observation=observation,
        attributes={name: value for name, value in each.attributes.items() if isinstance(value, SCALARS)},
    )


def _origin(first: Record) -> Origin:
    """Why it was kept is what was said when it came."""
    return Origin(
        camera=first.source,
        session=first.session,
        event=first.action_id,
        wall_ns=micros(first.timestamp) * 1000,
        reason=first.reason,
        probability=first.sampling_probability,
        device=first.device,
    )
