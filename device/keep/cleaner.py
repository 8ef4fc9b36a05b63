"""Cleaner: removes what was chosen: the line in the log first, then the files; what the disk will not let go is left and tried later."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from contracts.errors import StorageError
from contracts.removal import Figures, Order, Removal, Rule
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.keep.ages import Ages
from device.keep.removals import RemovalLog
from device.keep.room import Need
from device.keep.shelf import Kept, Shelf
from device.keep.troubles import Troubles, words
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally

log = logging.getLogger(__name__)
Choice = Callable[[Iterator[Kept]], Iterator[Kept]]  # those of them that may go by a rule, in the same order
BATCH = 64  # one write and one fsync of the log for so many
MOST = 2048  # in one turn of one rule
AGAIN_S, LONGEST_S = 30.0, 3600.0  # until what could not be removed is tried again
REMEMBERED = 10_000
SHOWN = 50  # removals in a report


@dataclass(frozen=True, slots=True)
class Why:
    """One rule at work on one shelf."""

    rule: Rule
    order: Order
    figures: Figures
    words: str


@dataclass(frozen=True, slots=True)
class Left:
    """What is still needed; `dry`: and nothing more may go."""

    need: Need
    dry: bool


@dataclass(slots=True)
class Stuck:
    """The disk would not let go of it."""

    tries: int
    until_ns: int


class Cleaner:
    """One thread. `tried` is emptied by `begin`: in one round nothing is tried twice, whatever a shelf says."""

    def __init__(self, log_: RemovalLog, troubles: Troubles, ages: Ages, clock: Clock, tally: Tally) -> None:
        self._log, self._troubles, self._ages, self._clock, self._tally = log_, troubles, ages, clock, tally
        self._stuck: dict[tuple[str, str], Stuck] = {}
        self._tried: set[tuple[str, str]] = set()
        self.removed: dict[str, tuple[int, int]] = {}  # shelf -> count and bytes, ever
        self.last: deque[Removal] = deque(log_.last(SHOWN), maxlen=SHOWN)

    def begin(self) -> None:
        self._tried.clear()
        now = self._clock.mono_ns()
        if len(self._stuck) > REMEMBERED:
            self._stuck = {key: stuck for key, stuck in self._stuck.items() if stuck.until_ns > now}
        try:
            self._log.flush()
        except OSError as error:
            self._troubles.met("removals log: cannot be written", error)

    def reduce(self, shelf: Shelf, need: Need, why: Why, choose: Choice, tick: Tick) -> Left:
        """Remove in order until the need is met, nothing more may go, or so many were tried that others should have a turn."""
        turn = MOST
        try:
            items = choose(shelf.items(why.order, self.stuck(shelf.name)))
            while need and turn > 0:
                batch = self._batch(shelf.name, items, need)
                if not batch:
                    return Left(need, dry=True)
                turn -= len(batch)
                need = self._remove(shelf, batch, need, why, tick)
        except (OSError, StorageError) as error:
            self._troubles.met(f"{shelf.name}: what is there cannot be listed", error)
        return Left(need, dry=False)

    def stuck(self, shelf: str) -> int:
        """How many things of a shelf the disk would not let go of."""
        return sum(name == shelf for name, _ in self._stuck)

    def _batch(self, shelf: str, items: Iterator[Kept], need: Need) -> list[Kept]:
        """As many as would meet the need, at most BATCH."""
        batch: list[Kept] = []
        for item in items:
            if not self._may_try(shelf, item):
                continue
            batch.append(item)
            need = need.less(item.bytes, item.files)
            if not need or len(batch) == BATCH:
                break
        return batch

    def _may_try(self, shelf: str, item: Kept) -> bool:
        key = (shelf, item.name)
        stuck = self._stuck.get(key)
        return not item.pinned and key not in self._tried and (stuck is None or stuck.until_ns <= self._clock.mono_ns())

    def _remove(self, shelf: Shelf, batch: Sequence[Kept], need: Need, why: Why, tick: Tick) -> Need:
        lines = [self._line(shelf.name, item, why) for item in batch]
        self._say(lines)
        failed = []
        for item, line in zip(batch, lines, strict=True):
            tick()
            self._tried.add((shelf.name, item.name))
            try:
                shelf.remove(item, f"{why.rule}: {why.words}")
            except (OSError, StorageError) as error:
                failed.append(self._failed(shelf.name, item, line, error))
                continue
            self._gone(shelf.name, item, line)
            need = need.less(item.bytes, item.files)
        self._say(failed)  # and what found no room before: there may be some now
        return need

    def _line(self, shelf: str, item: Kept, why: Why) -> Removal:
        age_ns = self._ages.age_ns(item.wall_ns)
        return Removal(
            t=utc_from_ns(self._clock.wall_ns()),
            clock_trusted=self._ages.trusted,
            shelf=shelf,
            item=item.name,
            bytes=item.bytes,
            kept_since=utc_from_ns(item.wall_ns) if item.wall_ns > 0 else None,
            age_s=None if age_ns is None else round(age_ns / 1e9, 3),
            acknowledged=item.acknowledged,
            rule=why.rule,
            order=why.order,
            figures=why.figures,
            reason=why.words,
        )

    def _say(self, lines: list[Removal]) -> None:
        """A log that takes no line does not keep a full disk full: the lines wait, and each removal is in the process's log as well."""
        if not lines and not self._log.waiting:
            return
        try:
            self._log.add(lines)
        except OSError as error:
            self._troubles.met("removals log: cannot be written", error)

    def _gone(self, shelf: str, item: Kept, line: Removal) -> None:
        self._stuck.pop((shelf, item.name), None)
        count, size = self.removed.get(shelf, (0, 0))
        self.removed[shelf] = (count + 1, size + item.bytes)
        self._tally.count("", "removed", shelf)
        self.last.append(line)
        log.info("removed", extra={"shelf": shelf, "item": item.name, "bytes": item.bytes, "rule": line.rule, "reason": line.reason})

    def _failed(self, shelf: str, item: Kept, line: Removal, error: Exception) -> Removal:
        stuck = self._stuck.setdefault((shelf, item.name), Stuck(0, 0))
        wait_s = min(LONGEST_S, AGAIN_S * 2**stuck.tries)
        stuck.tries, stuck.until_ns = min(stuck.tries + 1, 16), self._clock.mono_ns() + int(wait_s * 1e9)
        self._tally.count("", "not_removed", shelf)
        self._troubles.met(f"{shelf}: {item.name} cannot be removed", error)
        return line.model_copy(update={"outcome": "failed", "reason": words(error)})
