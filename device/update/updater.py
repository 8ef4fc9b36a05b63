"""Updater: the worker that follows what is assigned; whatever goes wrong, the model in force stays in force."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from contracts.errors import StorageError
from contracts.update import Assignment
from device.pipeline.board import Board
from device.pipeline.channel import SLICE_S
from device.pipeline.protocols import Tick
from device.update.accepted import standing_of
from device.update.attempt import Parts, attempt, refreshed
from device.update.config_attempt import Restarting, settled
from device.update.orders import Work
from device.update.refusal import Refusal, refusal_of
from device.update.reports import Standing
from device.update.trust import Released
from device.update.usb import Usb

log = logging.getLogger(__name__)
PART = "update"
RESTART_S = 1.0  # the box is about to end
QUEUE = 8  # messages that may wait: of a state that is wished for the newest counts
ASK_AGAIN_NS = 600 * 1_000_000_000  # between two looks for newer keys that an unknown one causes


class Superseded(Exception):
    """A newer assignment came: the work is let go of."""


class Stopped(Exception):
    """The box stops: the work is gone on with at its next start."""


class Updater:
    """`receive` may be called from any thread and never waits; `run` is a worker. `step` does what there is to do now."""

    def __init__(
        self, parts: Parts, board: Board, *, folders: Callable[[], Sequence[Usb]] = tuple, retry_s: tuple[float, float] = (5.0, 600.0),
        refresh_s: float = 86_400.0, rng: random.Random | None = None,
    ) -> None:  # fmt: skip
        self._parts, self._board, self._folders = parts, board, folders
        self._retry_s, self._refresh_ns = retry_s, int(refresh_s * 1e9)
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._inbox: deque[bytes] = deque(maxlen=QUEUE)
        self._changed = threading.Condition()
        self._stopping = False
        self._tick: Tick = _silent
        self._stale = b""  # refused last
        self._failures, self._asked_ns = 0, -ASK_AGAIN_NS
        self._refreshed_ns = parts.clock.mono_ns()
        if words := parts.slots.heal():
            log.warning(words)
        self._resume()

    def receive(self, raw: bytes) -> None:
        """A message under dn/desired."""
        with self._changed:
            if len(self._inbox) == QUEUE:
                self._parts.tally.count("", "update", "overwritten")
            self._inbox.append(raw)
            self._changed.notify_all()

    def close(self) -> None:
        """The worker lets go of what it is at, of a road that is silent too."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._parts.hang_up()

    def run(self, tick: Tick) -> None:
        self._tick = tick
        with suppress(StorageError):  # the first step meets it too, and says so
            self._parts.reports.send()
        while not self._stopping:
            tick()
            self._rest(self.step())

    def step(self) -> float:
        """One go; seconds until the next is worth it."""
        try:
            self._read()
            work = self._parts.orders.current()
            settled(self._parts, work)
            if work is not None:
                return self._work(work)
            self._look_for_news()
        except Stopped:
            return 0.0
        except Restarting:
            self._parts.reports.send()
            return RESTART_S
        except StorageError as error:
            return self._short_of_disk(error)
        return self._retry_s[1]

    def _work(self, work: Work) -> float:
        begin = work.assignment.not_before
        if begin is not None and (left := (begin - self._parts.floors.now(self._parts.clock)).total_seconds()) > 0:
            self._parts.reports.say(Standing(work.state, assignment=work.assignment, words=f"waits until {begin}", left_s=left))
            return min(left, self._retry_s[1])
        fetched = self._parts.reports.standing.bytes
        try:
            attempt(work, self._parts, self._checkpoint)
        except Superseded:
            return 0.0
        except (Stopped, Restarting, StorageError):
            raise
        except Exception as error:  # noqa: BLE001 - a seam: others' bytes were read, and whatever is wrong with them, the box sees on
            refused = refusal_of(error)
            if self._stopping:
                return 0.0
            if self._parts.reports.standing.bytes not in {None, fetched}:
                self._failures = 0  # it got further: a road that breaks often is no reason to wait long
            return self._refused(refused)
        self._failures = 0
        self._board.part(PART, "ok", "", self._parts.clock.wall_ns())
        return 0.0

    def _refused(self, refused: Refusal) -> float:
        """Passing ones wait; others end the assignment."""
        work = self._parts.orders.current()
        if work is None:
            return 0.0
        reports = self._parts.reports
        self._parts.tally.count("", "update", refused.code)
        if refused.passing:
            reports.say(replace(reports.standing, state=work.state, code=refused.code, words=str(refused), assignment=work.assignment))
            self._fault(str(refused))
            return self._pause()
        log.warning("update refused: %s", refused, extra={"code": refused.code})
        self._parts.orders.note(work, "rejected", refused.code, str(refused))
        reports.say(Standing("rejected", refused.code, str(refused), work.assignment, figures=reports.standing.figures))
        self._board.part(PART, "ok", "", self._parts.clock.wall_ns())
        self._failures = 0
        return 0.0

    def _short_of_disk(self, error: StorageError) -> float:
        with suppress(StorageError):  # it does not even give back what was written
            if self._parts.orders.current() is not None:
                return self._refused(Refusal("E_SPACE", str(error)))
        self._fault(str(error))
        return self._pause()

    def _read(self) -> bool:
        """What came, over the broker or in a folder; whether there is a new assignment."""
        with self._changed:
            messages = list(self._inbox)
            self._inbox.clear()
        found = [raw for folder in self._folders() if (raw := folder.desired(self._parts.device)) is not None]
        return any([self._consider(raw) for raw in messages] + [self._consider(raw, quiet=True) for raw in found])

    def _consider(self, raw: bytes, *, quiet: bool = False) -> bool:
        """`quiet`: a stick that stays plugged in says the same each time."""
        try:
            assignment = self._take(raw)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - a seam, as above
            refused = refusal_of(error)
            if not (quiet and raw == self._stale):
                self._parts.tally.count("", "update", refused.code)
                log.warning("assignment refused: %s", refused, extra={"code": refused.code})
                self._parts.reports.refuse(refused)
            self._stale = raw
            return False
        if assignment is None:
            return False
        log.info("assignment accepted", extra={"seq": assignment.seq, "rollout": assignment.rollout})
        self._parts.reports.say(Standing("offered", assignment=assignment))
        self._failures = 0
        return True

    def _take(self, raw: bytes) -> Assignment | None:
        """A key that is not known may be a new one: the repository is asked, not more often than every few minutes."""
        try:
            return self._parts.orders.take(raw)
        except Refusal as refused:
            now_ns = self._parts.clock.mono_ns()
            if refused.code != "E_SIG" or now_ns - self._asked_ns < ASK_AGAIN_NS or self._parts.orders.current() is not None:
                raise
            self._asked_ns = now_ns
            version = self._parts.orders.version
            try:
                refreshed(self._parts, _only_look)
            except Refusal:
                raise refused from None
            if self._parts.orders.version == version:
                raise refused from None
            return self._parts.orders.take(raw)

    def _look_for_news(self) -> None:
        """Once a day: newer roots, and keys that were taken away."""
        now_ns = self._parts.clock.mono_ns()
        if now_ns - self._refreshed_ns < self._refresh_ns:
            return
        self._refreshed_ns = now_ns
        try:
            refreshed(self._parts, _only_look)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - a seam, as above
            log.info("the repository was not refreshed: %s", refusal_of(error))

    def _checkpoint(self) -> None:
        self._tick()
        if self._stopping:
            raise Stopped
        if self._inbox and self._read():
            raise Superseded

    def _resume(self) -> None:
        """What was said last is said again after a start."""
        if (last := self._parts.orders.last()) is not None:
            self._parts.reports.say(standing_of(*last, self._parts))

    def _fault(self, words: str) -> None:
        self._board.part(PART, "degraded", words, self._parts.clock.wall_ns())

    def _pause(self) -> float:
        least, most = self._retry_s
        self._failures += 1
        return min(least * 2.0 ** min(self._failures - 1, 20), most) * self._rng.uniform(0.75, 1.0)

    def _rest(self, seconds: float) -> None:
        until = self._parts.clock.mono_ns() + int(seconds * 1e9)
        with self._changed:
            while not self._stopping and not self._inbox and (left := (until - self._parts.clock.mono_ns()) / 1e9) > 0:
                self._changed.wait(min(left, SLICE_S))
                self._tick()


def _only_look(_released: Released) -> None:
    """Nothing is wanted of it now: roots, floors and keys are what matters."""


def _silent() -> None:
    """No worker runs yet: nobody to tell."""
