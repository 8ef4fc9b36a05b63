"""Store: a data set opened for writing, by one process: what `commit` returned from survives whatever happens next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from contracts.dataset import Acknowledgement, Record
from contracts.errors import StorageError
from contracts.files import storage, sync_folder
from dataset.classes import Classes
from dataset.index import EACH, Index
from dataset.known import Known
from dataset.layout import Layout
from dataset.lines import Log, line_at, read_lines, sealed
from dataset.opening import alone, appending, marks, mend_end, read_mark, sync_file, sync_filesystem
from dataset.picture import Picture
from dataset.records import read_record, since_removal, tombstone

ONE_BY_ONE = 4  # pictures of a commit
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record that waits for `commit`; `temp` is its picture's file, None where the picture is there already."""

    record: Record
    temp: Path | None


class Store:
    """Order of a commit: pictures synced and given their names, classes pinned, lines of the manifest synced; then it is acknowledged.

    Everything else (index, annotation files, totals) is derived and catches up. Not for several threads at once.
    """

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.layout.make()
        with ExitStack() as undo:
            self._lock = alone(self.layout)
            undo.callback(os.close, self._lock)
            self.log = Log(self.layout.manifest)
            undo.callback(self.log.close)
            self.index = Index(self.layout.index)
            undo.callback(self.index.close)
            self.torn_bytes = self._recover()
            self.classes = self._classes()
            self._undo = undo.pop_all()

    def _recover(self) -> int:
        """What a crash may have left: a torn last line, pictures on their way in, an index that is behind or of something else."""
        if not self.index.knows(self.log.handle, self.log.end):
            self.index.again()
        self.index.catch_up(self.log.handle)
        torn = mend_end(self.log, self.index.end, read_record)
        with storage(self.layout.root):
            os.fsync(self.log.handle)  # lines that were written and never acknowledged are true from now on
            sync_folder(self.layout.root)
            for left in (*self.layout.incoming.iterdir(), *self.layout.root.glob(".*.tmp")):
                left.unlink()
        self.index.catch_up(self.log.handle)
        self._take_acknowledgements()
        return torn

    def _classes(self) -> Classes:
        """Pinned; where the file was lost, as the records have them."""
        lost = not self.layout.ontology.exists()
        classes = Classes(self.layout)
        if lost and self.index.lines:
            for line in read_lines(self.log.handle):
                record = read_record(line.text)
                for label in record.labels if record else ():
                    classes.pin(label.category_name, label.category_id)
            classes.save()
        return classes

    def bring(self, shot: Picture) -> Path:
        """A picture on its way in. Not synced yet: `commit` does it for all of them."""
        temp = self.layout.incoming / f"{shot.id}.png"
        with storage(temp):
            temp.unlink(missing_ok=True)
            try:
                with os.fdopen(os.open(temp, NEW, 0o644), "wb") as file:
                    file.write(shot.png)
            except OSError:
                temp.unlink(missing_ok=True)
                raise
        return temp

    def commit(self, batch: Sequence[Incoming]) -> None:
        """All of them or none. After StorageError the data set is as it was before."""
        moved: list[Path] = []
        lines = b"".join(sealed(each.record) for each in batch)
        try:
            self._move_in(batch, moved)
            self.classes.save()
            self.log.append(lines)
        except BaseException:
            self.discard(batch)
            for path in [] if self.log.unsure else moved:
                with suppress(OSError):
                    path.unlink()
            raise
        with suppress(StorageError):  # the records are safe; the index follows when there is room
            self.index.catch_up(self.log.handle)

    def _move_in(self, batch: Sequence[Incoming], moved: list[Path]) -> None:
        """A few files are synced one by one; for many the whole file system once, which costs as much as one of them."""
        temps = [each.temp for each in batch if each.temp]
        with storage(self.layout.images):
            if len(temps) > ONE_BY_ONE:
                sync_filesystem(self.layout.incoming)
            for temp in temps if len(temps) <= ONE_BY_ONE else ():
                sync_file(temp)
            for each in batch:
                if each.temp:
                    target = self.layout.image(each.record.image_id)
                    each.temp.replace(target)
                    moved.append(target)
            if moved:
                sync_folder(self.layout.images)

    def discard(self, batch: Sequence[Incoming]) -> None:
        """What waits is given up."""
        for each in batch:
            if each.temp:
                with suppress(OSError):
                    each.temp.unlink()

    def known(self, image_id: str) -> Known | None:
        """A picture that is in the data set now."""
        if self.index.end < self.log.end:  # a full disk kept it from following
            self.index.catch_up(self.log.handle)
        found = self.index.picture(image_id)
        return found if found and not found.removed else None

    def records(self, known: Known, newest: int = -1) -> list[Record]:
        """What was said of a picture since it came (again), oldest first; of the `newest` so many lines."""
        found = [read_record(line_at(self.log.handle, start)) for start in self.index.starts(known.n, newest)]
        return since_removal([record for record in found if record])

    def acknowledge(self, found: Sequence[Known], by: str, at: datetime) -> None:
        """Somebody has these pictures and all that was said of them until now; durable when it returns."""
        lines = b"".join(sealed(Acknowledgement(image_id=each.id, upto=each.last, by=by, t=at)) for each in found)
        with appending(self.layout.acknowledged, read_mark) as log:
            log.append(lines)
            sync_folder(self.layout.root)
        self._take_acknowledgements()

    def _take_acknowledgements(self) -> None:
        """Those who ship write marks beside us."""
        if not self.layout.acknowledged.exists():
            return
        with appending(self.layout.acknowledged, read_mark) as log:
            if self.index.acked_end > log.end:
                self.index.acked_end = 0
            while chunk := list(islice(marks(log.handle, self.index.acked_end), EACH)):
                found = [(bytes.fromhex(mark.image_id), min(mark.upto, self.index.lines)) for mark, _ in chunk if mark]
                self.index.acknowledge(found, chunk[-1][1])

    def bury(self, found: Sequence[Known], why: str, at: datetime) -> int:
        """A tombstone for each, durable, and only then are the files deleted. How many."""
        last = [records[-1] for each in found if (records := self.records(each))]
        self.log.append(b"".join(sealed(tombstone(each, self.log.end + n, why, at)) for n, each in enumerate(last)))
        self.index.catch_up(self.log.handle)
        return len(last)

    def close(self) -> None:
        with suppress(OSError):
            os.ftruncate(self._lock, 0)
        self._undo.close()
