"""Mending: what is said of a recording that failed, and what it left behind, closed as soon as the disk takes it."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from pathlib import Path

from contracts.clip import Clip
from contracts.errors import HardwareError, StorageError
from contracts.files import storage
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.record.recover import recover_part

log = logging.getLogger(__name__)
PART = "record"  # our name on the board
BROKEN = {errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}  # does not heal by itself
Refused = Callable[[StorageError], None]  # hears what the disk said: somebody may be able to make room


class Mending:
    def __init__(
        self,
        data: Path,
        reserve_bytes: int,
        refused: Refused,
        *,
        board: Board,
        tally: Tally,
        clock: Clock,
        on_clip: Callable[[Clip, str], None],
    ) -> None:
        self._data, self._reserve_bytes, self._refused = data, reserve_bytes, refused
        self._board, self._tally, self._clock, self._on_clip = board, tally, clock, on_clip
        self._left: list[Path] = []
        self._failures: dict[str, int] = {}  # in a row, by camera

    def ok(self, camera: str) -> None:
        """Something of it is on the disk."""
        self._failures.pop(camera, None)
        self._board.part(PART, "ok", wall_ns=self._clock.wall_ns())

    def failed(self, camera: str, error: StorageError | HardwareError) -> None:
        """Shown at once; counted and logged the first time and then ever more rarely, for it is tried again every few seconds."""
        failures = self._failures[camera] = self._failures.get(camera, 0) + 1
        if isinstance(error, StorageError):
            self._refused(error)
        broken = isinstance(error.__cause__, OSError) and error.__cause__.errno in BROKEN
        self._board.part(PART, "failed" if broken else "degraded", str(error), self._clock.wall_ns())
        self._tally.count(camera, "not_kept", "clip_failed")
        if failures & (failures - 1) == 0:
            log.error("recording stopped", extra={"camera": camera, "reason": str(error), "failures": failures})

    def take(self, part: Path) -> None:
        """What was written is kept as far as it plays."""
        if not self._mended(part):
            self._left.append(part)

    def step(self) -> None:
        """Before something new is begun."""
        self._left = [part for part in self._left if not self._mended(part)]

    def _mended(self, part: Path) -> bool:
        try:
            with storage(part):
                clip = recover_part(part, self._data, self._reserve_bytes)
        except StorageError as error:  # still no room: the next event tries again, and so does the next start
            log.warning("a cut clip waits to be closed", extra={"reason": str(error)})
            return False
        if clip:
            self._tally.count(clip.camera, "clips")
            self._on_clip(clip, part.with_suffix("").relative_to(self._data).as_posix())
        return True
