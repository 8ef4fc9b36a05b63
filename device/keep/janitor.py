"""Janitor: the worker that keeps every shelf within its bounds and room on the disk; no error of a disk ends it, and all are told."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import StorageError
from contracts.health import StorageHealth
from contracts.storage import StorageReport
from device.clock import Clock
from device.keep.ages import Ages
from device.keep.ballast import Ballast
from device.keep.cleaner import Cleaner
from device.keep.house import House
from device.keep.options import StorageOptions
from device.keep.removals import RemovalLog
from device.keep.report import Desk, health_of
from device.keep.room import Standing, look, marks, short
from device.keep.shelf import Foreign, Shelf, ours
from device.keep.troubles import Troubles
from device.keep.verdict import Findings, verdict
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally
from device.rates import Rates

log = logging.getLogger(__name__)
PART = "storage"  # our name on the board
BALLAST, RATES, REMOVALS = ".ballast", "storage.json", "log/removals.jsonl"
MOST_WAIT = 16  # looks between two rounds while the disk is short and nothing could be removed
SOON_S = 1.0  # after a round that removed something for room: what is freed shows late on some file systems


class Janitor:
    """`run` in a worker; `step`, `report` and `health` are what it does and says. `short_of_room` is called from any thread.

    `reserve_bytes`: with less free, recording stops by itself; cleaning begins before that. `foreign`: on a disk that is not
    this box's nothing is removed, and nothing written.
    """

    def __init__(
        self,
        data: Path,
        shelves: Sequence[Shelf],
        options: StorageOptions,
        *,
        clock: Clock,
        board: Board,
        tally: Tally,
        troubles: Troubles,
        reserve_bytes: int = 0,
        foreign: Foreign = ours,
    ) -> None:
        self._data, self._options, self._clock, self._board = data, options, clock, board
        self._troubles, self._reserve_bytes, self._foreign = troubles, reserve_bytes, foreign
        ages = Ages(clock)
        removals = RemovalLog(data / REMOVALS, options.removals_mb * 1_000_000, options.removals_files, tally)
        self._cleaner = Cleaner(removals, troubles, ages, clock, tally)
        self._house = House(shelves, options, self._cleaner, ages, troubles, clock)
        self._ballast = Ballast(data / BALLAST, options.ballast_mb * 1_000_000)
        self._rates = Rates(data / RATES, clock)
        self._desk = Desk(options, self._cleaner, self._rates, ages, troubles, clock)
        self._changed = threading.Condition()
        self._closed = self._woken = False
        self._quota_bytes = 0
        self._due_ns = clock.mono_ns()
        self._pressed = False  # the disk was short at the last look
        self._vain = 0  # rounds while the disk was short that removed nothing
        self._last = self._desk.report(Findings(totals={}), None, verdict(Findings(totals={})))

    # ---- for others, from any thread

    def short_of_room(self, error: StorageError) -> None:
        """A writer was refused: look at once. For a quota, which the free room does not show, something goes in any case."""
        cause = error.__cause__
        code = cause.errno if isinstance(cause, OSError) else 0
        if code not in {errno.ENOSPC, errno.EDQUOT}:
            return
        with self._changed:
            self._woken, self._quota_bytes = True, int(code == errno.EDQUOT)
            self._changed.notify_all()

    def report(self) -> StorageReport:
        """As the last round left it."""
        return self._last

    def health(self) -> StorageHealth:
        return health_of(self._last)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # ---- the worker

    def run(self, tick: Tick) -> None:
        while not self._closed:
            tick()
            wait_s = self.step(tick)
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._woken, wait_s)

    def step(self, tick: Tick = nothing) -> float:
        """Look at the room; a whole round when it is time, somebody was refused, or the disk is short. Seconds until the next look."""
        with self._changed:
            woken, self._woken = self._woken, False
            quota, self._quota_bytes = self._quota_bytes, 0
        standing = self._look()
        tick()
        foreign = self._foreign()
        if standing and not foreign and self._trimmed(standing):
            standing = self._look()
        pressed = standing is not None and short(standing.room, standing.marks)
        news, self._pressed = pressed and not self._pressed, pressed
        if not woken and not news and self._clock.mono_ns() < self._due_ns:
            return self._options.look_s
        before = sum(count for count, _ in self._cleaner.removed.values())
        found = self._house.round(self._look, standing.marks.floor if standing and quota else 0, tick)
        removed = sum(count for count, _ in self._cleaner.removed.values()) > before
        self._tell(found, foreign)
        return self._next(pressed or found.cleaning, removed)

    def _next(self, pressed: bool, removed: bool) -> float:
        """More often while room is short; less often the longer that is in vain."""
        self._vain = 0 if removed or not pressed else min(MOST_WAIT, 2 * self._vain + 1)
        wait_s = self._options.round_s
        if pressed:
            wait_s = min(wait_s, SOON_S if removed else self._options.look_s * max(1, self._vain))
        self._due_ns = self._clock.mono_ns() + int(wait_s * 1e9)
        return min(wait_s, self._options.look_s)

    def _look(self) -> Standing | None:
        try:
            room = look(self._data)
        except OSError as error:
            self._troubles.met(f"disk: the free room of {self._data} cannot be told", error)
            return None
        return Standing(room, marks(self._options, room, self._reserve_bytes))

    def _trimmed(self, standing: Standing) -> bool:
        before = self._ballast.bytes
        try:
            self._ballast.trim(standing.room, standing.marks)
        except OSError as error:
            self._troubles.met("ballast: room for it cannot be held back", error)
        if self._ballast.bytes != before:
            log.info("ballast taken" if self._ballast.bytes else "ballast given up", extra={"bytes": max(before, self._ballast.bytes)})
        return self._ballast.bytes != before

    def _tell(self, found: Findings, foreign: str) -> None:
        found.ballast_bytes = self._ballast.bytes
        if not foreign:
            self._forecast(found)
        found.troubles = [trouble.text for trouble in self._troubles.now()]
        said = verdict(found)
        self._last = self._desk.report(found, self._look(), said)
        self._board.part(PART, said.level, said.reason, self._clock.wall_ns())

    def _forecast(self, found: Findings) -> None:
        there = {name: totals.bytes for name, totals in found.totals.items()}
        try:
            self._rates.see(there, {name: size for name, (_, size) in self._cleaner.removed.items()})
        except (OSError, StorageError) as error:
            self._troubles.met("forecast: its figures cannot be kept", error)
