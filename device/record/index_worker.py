"""IndexWorker: keeps the index in line with the disk while the appliance runs, and says on the board how it is."""

from __future__ import annotations

import logging
import threading

from contracts.errors import StorageError
from device.clock import Clock
from device.pipeline.board import Board, PartWord
from device.pipeline.channel import Closed
from device.pipeline.protocols import Tick
from device.record.index import Index

log = logging.getLogger(__name__)
PART = "index"  # our name on the board
ROUND_S = 5.0


class IndexWorker:
    """`run` is for a thread of its own: a first look through a large disk takes a while, and nobody waits for it."""

    def __init__(self, index: Index, clock: Clock, board: Board) -> None:
        self._index, self._clock, self._board = index, clock, board
        self._stopping = threading.Event()

    def step(self, tick: Tick) -> None:
        """Whole again if it was not, what waits written down, the disk looked at."""
        index = self._index
        try:
            if not index.complete:
                scan = index.catch_up(tick, self._told)
                log.info("index in line", extra={"folders": scan.read, "added": scan.put, "dropped": scan.dropped})
            settled = index.settle()
        except StorageError as error:
            self._say(self._word(), str(error))
            return
        if reason := index.trusted.reason:
            self._say(self._word(), reason)
        elif not settled:
            self._say("degraded", f"{index.file.path}: the disk has no room for new rows; free some, they are added then")
        else:
            self._say("ok", index.file.report)

    def _word(self) -> PartWord:
        return "failed" if self._index.disk.id is None else "degraded"

    def _told(self, done: int, of: int) -> None:
        self._say("ok", f"built from the manifests: {done} of {of} folders" if done < of else "")

    def _say(self, state: PartWord, reason: str) -> None:
        self._board.part(PART, state, reason, self._clock.wall_ns())

    def run(self, tick: Tick) -> None:
        """Until `close`."""

        def going() -> None:
            tick()
            if self._stopping.is_set():
                raise Closed

        while not self._stopping.is_set():
            going()
            self.step(going)
            self._stopping.wait(ROUND_S)
        self._index.settle()

    def close(self) -> None:
        self._stopping.set()
