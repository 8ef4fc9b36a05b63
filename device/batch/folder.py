"""WorkFolder: what is known of a recording while it is worked on; whatever is in it is whole, and is never made twice."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from contracts.errors import StorageError
from contracts.files import make_folders, storage, sync_folder, write_durably
from device.batch.index import Facts
from device.batch.sightings import check_whole
from device.batch.units import ROW

log = logging.getLogger(__name__)
FORMAT = 1
JOB, INDEX, ROWS = "job.json", "index.json", "index.rows"
FACTS = TypeAdapter(Facts)


class WorkFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, job: dict[str, Any]) -> str:
        """Ready for this job. What was there stays if it is of the same one; else it goes, and why is said."""
        text = json.dumps({"format": FORMAT, **job}, sort_keys=True, indent=1).encode()
        with storage(self.path):
            there = (self.path / JOB).read_bytes() if (self.path / JOB).is_file() else None
            if there == text:
                return ""
            if self.path.is_dir() and not self.path.is_symlink():
                shutil.rmtree(self.path)
        write_durably(self.path / JOB, text)
        return "" if there is None else _difference(there, text)

    def remove(self) -> None:
        """The job's name first: what is half removed is not taken for anything."""
        with storage(self.path):
            (self.path / JOB).unlink(missing_ok=True)
            shutil.rmtree(self.path, ignore_errors=True)

    # ---- sightings

    def sightings(self, number: int) -> Path:
        return self.path / f"{number:05d}.jsonl"

    def keep(self, number: int, unit: str, content: bytes) -> dict[str, int]:
        """From now on it is not looked at again; the counts that are in it."""
        counts = check_whole(content, unit)
        write_durably(self.sightings(number), content)
        return counts

    def counts(self, number: int, unit: str) -> dict[str, int] | None:
        """What became of the unit's samples; None: it is still to be looked at."""
        path = self.sightings(number)
        with storage(path):
            if not path.is_file():
                return None
            content = path.read_bytes()
        try:
            return check_whole(content, unit)
        except StorageError:
            return None

    # ---- index

    @contextmanager
    def rows_file(self) -> Iterator[BinaryIO]:
        with storage(self.path):
            make_folders(self.path)
            (self.path / INDEX).unlink(missing_ok=True)
            (self.path / ROWS).unlink(missing_ok=True)  # a link that lies there is not written through
            file = (self.path / ROWS).open("xb")
        try:
            yield file
        finally:
            with storage(self.path):  # a disk that was full is full once more
                file.close()

    def keep_index(self, facts: Facts) -> None:
        """After the rows are on the disk, synced."""
        with storage(self.path):
            sync_folder(self.path)
        write_durably(self.path / INDEX, json.dumps(asdict(facts)).encode())

    def index(self) -> Facts | None:
        """None: the pass over the file was not finished."""
        path = self.path / INDEX
        if not path.is_file() or not (self.path / ROWS).is_file():
            return None
        with storage(path):
            content, size = path.read_bytes(), (self.path / ROWS).stat().st_size
        try:
            facts = FACTS.validate_json(content, strict=True)
        except ValidationError:
            facts = None
        if facts is None or size != facts.rows * ROW.itemsize or not _sound(facts):
            log.warning("a damaged index is made anew", extra={"file": str(path)})
            return None
        return facts

    def rows(self, first: int, last: int) -> NDArray[np.void]:
        with storage(self.path / ROWS):
            return np.fromfile(self.path / ROWS, ROW, last - first, offset=first * ROW.itemsize)


def _sound(facts: Facts) -> bool:
    """The segments follow one another to the end."""
    ends = facts.segments[0].begin if facts.segments else facts.rows
    for number, segment in enumerate(facts.segments):
        inside = 0 <= segment.first_row <= segment.begin == ends < segment.end <= segment.last <= facts.rows
        if segment.number != number or not inside:
            return False
        ends = segment.end
    return ends == facts.rows


def _difference(before: bytes, now: bytes) -> str:
    try:
        old, new = json.loads(before), json.loads(now)
        names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    except (ValueError, TypeError, AttributeError, RecursionError):
        names = []
    return f"what was begun there is of another job ({', '.join(names) or 'damaged'} differ); it is begun anew"
