"""Finisher: the worker that makes the files of takes that have ended; pictures are decoded and encoded here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import HardwareError, ProtocolError, StorageError
from device.clock import Clock
from device.export.key_frames import Frames
from device.export.take_files import make_files
from device.pipeline.board import Board
from device.pipeline.channel import SLICE_S, Channel, Closed, nothing
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally
from vision.types import Frame

log = logging.getLogger(__name__)
PART = "take_files"  # our name on the board
MOST = 100_000  # folders that may wait; what is given up is made by the next start
GRACE_NS = 5_000_000_000  # at the end of the run; what is not made by then is made by the next start


class Late(Exception):
    """The appliance stops, and there is no more time."""


class Finisher:
    """`put` from any thread. What the disk refuses is tried again with the next take and at the next start: its log is still there."""

    def __init__(self, frames: Frames, *, clock: Clock, tally: Tally, board: Board) -> None:
        self._frames, self._clock, self._tally, self._board = frames, clock, tally, board
        self._folders: Channel[Path] = Channel(MOST, "drop_oldest", self._lost)
        self._again: list[Path] = []
        self._until_ns: int | None = None
        self._tick: Tick = nothing

    def put(self, folder: Path) -> None:
        self._folders.put(folder)

    def _lost(self, folder: Path) -> None:
        self._tally.count("", "not_kept", "take_files_late")
        log.warning("the files of a take are made by the next start", extra={"take": folder.name})

    def close(self) -> None:
        """No more takes; `run` ends when what waits is made, or after some seconds."""
        self._until_ns = self._clock.mono_ns() + GRACE_NS
        self._folders.close()

    def run(self, tick: Tick) -> None:
        self._tick = tick
        while True:
            tick()
            try:
                self.make(self._folders.get(SLICE_S))
            except TimeoutError:
                continue
            except (Closed, Late):
                return

    def make(self, folder: Path) -> None:
        """One take, and those before it that the disk refused."""
        waiting, self._again = [*self._again, folder], []
        for each in waiting:
            before_ns = self._clock.mono_ns()
            try:
                manifest = make_files(each, self._in_time)
            except StorageError as error:
                self._again.append(each)
                self._refused(each, error)
                continue
            except (HardwareError, ProtocolError) as error:
                self._refused(each, error)
                continue
            if manifest:
                self._tally.took(manifest.camera, "take_files", self._clock.mono_ns() - before_ns)
                self._board.part(PART, "ok", wall_ns=self._clock.wall_ns())
                log.info("take exported", extra={"take": manifest.pitch_id, "faults": len(manifest.faults)})

    def _in_time(self, video: Path) -> Iterator[Frame]:
        for frame in self._frames(video):
            self._tick()
            if self._until_ns is not None and self._clock.mono_ns() > self._until_ns:
                raise Late
            yield frame

    def _refused(self, folder: Path, error: Exception) -> None:
        self._tally.count("", "not_kept", "take_files_failed")
        self._board.part(PART, "degraded", str(error), self._clock.wall_ns())
        log.error("the files of a take could not be made", extra={"take": folder.name, "reason": str(error)})
