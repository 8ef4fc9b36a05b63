"""Uses: a ledger of how often each test set was used to judge a model, that survives power cuts and has many writers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.files import make_folders, storage, sync_folder
from contracts.verdict import TestSet, Use
from dataset.lines import intact, read_lines, sealed
from trainer.gates.rules import Wear


class Uses:
    """`path` is made when it is not there. Counting comes before judging: a verdict that was looked at and not kept counts too."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def count(self, root: str, model: str, t: datetime, wear: Wear) -> TestSet:
        """Writes this use down, durably, and tells how worn the test set is with it."""
        with self._open() as handle:
            uses, damaged = _read(handle)
            end = os.fstat(handle).st_size
            torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
            self._append(handle, (b"\n" if torn else b"") + sealed(Use(root=root, model=model, t=t)))
        mine = [each for each in uses if each.root == root]
        return told(root, len(mine) + 1, len({model, *(each.model for each in mine)}), damaged, wear)

    def _append(self, handle: int, line: bytes) -> None:
        with storage(self.path):
            os.lseek(handle, 0, os.SEEK_END)
            if os.write(handle, line) != len(line):
                raise StorageError(f"{self.path}: the disk took only a part of the line; free some room")
            os.fsync(handle)

    @contextmanager
    def _open(self) -> Iterator[int]:
        with storage(self.path):
            make_folders(self.path.parent)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            with storage(self.path):
                fcntl.flock(handle, fcntl.LOCK_EX)
                sync_folder(self.path.parent)
            yield handle
        finally:
            os.close(handle)


def _read(handle: int) -> tuple[list[Use], int]:
    """What is there, and how many lines are damaged."""
    uses, damaged = [], 0
    for line in read_lines(handle):
        text = intact(line.text)
        if line.text is not None and not line.text.strip():
            continue
        try:
            uses.append(Use.model_validate_json(text or b""))
        except ValidationError:
            damaged += 1
    return uses, damaged


def told(root: str, uses: int, models: int, damaged: int, wear: Wear) -> TestSet:
    """How worn; a damaged line may have been of any test set and is counted as a model of this one."""
    models += damaged
    note = f"{models} models were judged on this test set"
    if damaged:
        note += f" ({damaged} damaged lines of the ledger are counted among them)"
    if wear.refuse_after is not None and models > wear.refuse_after:
        return TestSet(root=root, uses=uses, models=models, level="worn_out", note=f"{note}; it chooses no more: draw a new one")
    if models > wear.warn_after:
        return TestSet(root=root, uses=uses, models=models, level="worn", note=f"{note}; its figures flatter: draw a new one soon")
    return TestSet(root=root, uses=uses, models=models, level="fresh", note=note)
