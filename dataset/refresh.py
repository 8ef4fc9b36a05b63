"""Refresh: annotation files brought up to the manifest, a few at a time; what a crash undid is done again."""

from __future__ import annotations

import os
from contextlib import suppress

from contracts.dataset import AnnotationFile, Record
from contracts.errors import StorageError
from contracts.files import storage
from dataset.known import Known
from dataset.layout import Layout, read_small
from dataset.merge import context, merged, observation
from dataset.opening import sync_filesystem
from dataset.store import Store

LISTED = 1000  # observations in one file, the newest; a screen that never changes has a million
SETTLE_AFTER = 2000  # files written before the disk is asked to have them


class Refresh:
    """Files are written without a sync of their own. A picture stays on the index's list of stale ones until the whole file system was
    synced after its file was written, so whatever a power cut takes is written again at the next opening."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unsettled = 0
        store.index.distrust()

    def step(self, limit: int) -> int:
        """At most so many files; how many were looked at."""
        stale = self._store.index.stale(limit)
        for number in stale:
            self._one(self._store.index.numbered(number))
        self._store.index.written(stale)
        self._unsettled += len(stale)
        if self._unsettled >= SETTLE_AFTER:
            self.settle()
        return len(stale)

    def settle(self) -> None:
        """What was written until now is on the disk, and no longer stale."""
        with storage(self._store.layout.root):
            sync_filesystem(self._store.layout.root)
        self._store.index.settled()
        self._unsettled = 0

    def delete(self, known: Known) -> None:
        """The files of a picture there is a tombstone for."""
        _delete(self._store.layout, known.id)

    def _one(self, known: Known) -> None:
        layout = self._store.layout
        records = [] if known.removed else self._store.records(known, LISTED)
        if not records:
            if known.removed:
                _delete(layout, known.id)
            return
        write_annotations(layout, records, self._store.index.observations(known))


def _delete(layout: Layout, image_id: str) -> None:
    """What there is a tombstone for."""
    for path in (layout.image(image_id), layout.annotation(image_id)):
        with storage(path):
            path.unlink(missing_ok=True)


def write_annotations(layout: Layout, records: list[Record], count: int) -> None:
    """Whole or not at all for whoever reads it meanwhile; left alone where it says that already."""
    last = records[-1]
    data = document(records, count).model_dump_json(exclude_defaults=True).encode() + b"\n"
    path, temp = layout.annotation(last.image_id), layout.incoming / f"{last.image_id}.json"
    with suppress(StorageError):  # not there yet
        if read_small(path) == data:
            return
    with storage(path):
        with suppress(FileNotFoundError):
            temp.unlink()
        handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temp.replace(path)


def document(records: list[Record], count: int) -> AnnotationFile:
    """`annotations/<id>.json` of what was said of one picture, oldest first."""
    last, now = records[-1], merged(records)
    return AnnotationFile(
        image_id=last.image_id,
        image_filename=f"{last.image_id}.png",
        image_width=last.width,
        image_height=last.height,
        annotations=now.annotations,
        context=context(last),
        version=1,
        exhaustive_for=now.exhaustive_for,
        ignore=now.ignore,
        reviewed=now.reviewed,
        near_duplicate_of=last.near_duplicate_of,
        observations=[observation(record) for record in records],
        observation_count=max(count, len(records)),
    )
