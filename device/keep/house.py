"""House: one round through all shelves: what is too old, what is over its budget, and room where the disk is short of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from contracts.errors import StorageError
from contracts.removal import Figures
from device.clock import Clock
from device.keep.ages import Ages
from device.keep.amounts import amount_bytes, span_s, written
from device.keep.cleaner import Choice, Cleaner, Left, Why
from device.keep.options import Keeping, StorageOptions
from device.keep.room import Need, Standing, full, need, plenty, short
from device.keep.shelf import Kept, Shelf, Totals
from device.keep.troubles import Troubles
from device.keep.verdict import Findings
from device.pipeline.protocols import Tick

Look = Callable[[], Standing | None]  # how it stands now; None: the disk does not tell
EVERYTHING = Need(bytes=1 << 62)


class House:
    """One thread. Unacknowledged training data goes only where the owner allowed it, and after an alert has stood."""

    def __init__(
        self, shelves: Sequence[Shelf], options: StorageOptions, cleaner: Cleaner, ages: Ages, troubles: Troubles, clock: Clock
    ) -> None:
        self.shelves, self._options, self._cleaner, self._ages, self._troubles, self._clock = (
            shelves, options, cleaner, ages, troubles, clock,
        )  # fmt: skip
        self._known: dict[str, Totals] = {}
        self._cleaning = False
        self._asked_ns: int | None = None  # since when unacknowledged data is in the way and the owner is told

    def round(self, look: Look, wanted_bytes: int, tick: Tick) -> Findings:
        """`wanted_bytes`: a writer was refused for its quota, which the free room does not show."""
        self._cleaner.begin()
        self._ages.look()
        found = Findings(totals={})
        for shelf in self.shelves:
            tick()
            self._one(shelf, look(), found, tick)
        tick()
        standing = look()
        if standing:
            self._make_room(standing, look, wanted_bytes, found, tick)
        self._ask(found)
        return found

    # ---- each shelf by its own rules

    def _one(self, shelf: Shelf, standing: Standing | None, found: Findings, tick: Tick) -> None:
        totals = self._totals(shelf)
        found.totals[shelf.name] = totals
        if shelf.distrusted:
            found.distrusted[shelf.name] = shelf.distrusted
            return
        keeping = self._options.keeping(shelf.name)
        figures = self._figures(totals, keeping, standing)
        self._by_age(shelf, totals, keeping, figures, tick)
        totals = found.totals[shelf.name] = self._totals(shelf)
        if figures.budget_bytes is None or totals.bytes <= figures.budget_bytes:
            return
        figures = figures.model_copy(update={"shelf_bytes": totals.bytes})
        words = f"{written(totals.bytes)} were more than the budget of {written(figures.budget_bytes or 0)}"
        why = Why("budget", keeping.order, figures, words)
        left = self._cleaner.reduce(shelf, Need(totals.bytes - (figures.budget_bytes or 0)), why, self._choice(keeping), tick)
        totals = found.totals[shelf.name] = self._totals(shelf)
        if left.dry and not self._cleaner.stuck(shelf.name):
            found.over[shelf.name] = (totals, figures.budget_bytes or 0)

    def _totals(self, shelf: Shelf) -> Totals:
        """As it was known last where the disk does not tell."""
        try:
            self._known[shelf.name] = shelf.totals()
        except (OSError, StorageError) as error:
            self._troubles.met(f"{shelf.name}: what is there cannot be counted", error)
        return self._known.get(shelf.name, Totals())

    def _figures(self, totals: Totals, keeping: Keeping, standing: Standing | None) -> Figures:
        total = standing.room.total_bytes if standing else 0
        budget = amount_bytes(keeping.budget, total) if keeping.budget and (total or not keeping.budget.endswith("%")) else None
        return Figures(
            shelf_bytes=totals.bytes,
            budget_bytes=budget,
            max_age_s=span_s(keeping.max_age) if keeping.max_age else None,
            free_bytes=standing.room.free_bytes if standing else None,
            free_inodes=standing.room.free_inodes if standing and standing.room.total_inodes else None,
        )

    def _by_age(self, shelf: Shelf, totals: Totals, keeping: Keeping, figures: Figures, tick: Tick) -> None:
        limit_ns = int((figures.max_age_s or 0) * 1e9)
        if not limit_ns or totals.oldest_wall_ns is None or not self._ages.trusted:
            return

        def too_old(items: Iterator[Kept]) -> Iterator[Kept]:
            """Oldest first, so the first one that is young enough ends it; what has no known age stays."""
            ages = ((item, self._ages.age_ns(item.wall_ns)) for item in items)
            reached = takewhile(lambda pair: pair[1] is None or pair[1] > limit_ns, ages)
            return self._choice(keeping)(item for item, age in reached if age is not None)

        why = Why("age", "oldest", figures, f"older than {keeping.max_age}")
        self._cleaner.reduce(shelf, EVERYTHING, why, too_old, tick)

    def _choice(self, keeping: Keeping) -> Choice:
        grace_ns = int(span_s(keeping.min_age) * 1e9)
        allowed = self._allowed()
        return lambda items: (
            item for item in items if (item.acknowledged or allowed) and not (grace_ns and self._ages.younger(item.wall_ns, grace_ns))
        )

    # ---- room for everybody

    def _make_room(self, before: Standing, look: Look, wanted_bytes: int, found: Findings, tick: Tick) -> None:
        found.room = before.room
        self._cleaning = short(before.room, before.marks) or (self._cleaning and not plenty(before.room, before.marks))
        if not self._cleaning and not wanted_bytes:
            return
        going = [shelf for name in self._options.first for shelf in self.shelves if shelf.name == name and not shelf.distrusted]
        removable = sum(self._removable(found.totals[shelf.name]) for shelf in going)
        wanted = need(before.room, before.marks, removable)
        wanted = replace(wanted, bytes=max(wanted.bytes, wanted_bytes))
        left = Left(wanted, dry=True)
        for shelf in going:
            if left.need:
                left = self._from(shelf, left, before, wanted, found, tick)
        after = look() or before
        found.room, found.full = after.room, full(after.room, after.marks)
        out_of_reach = before.room.free_bytes + removable < before.marks.high
        found.in_the_way = short(after.room, after.marks) and (out_of_reach or (left.dry and bool(left.need)))
        self._cleaning = self._cleaning and not plenty(after.room, after.marks)
        found.cleaning = self._cleaning and not found.in_the_way

    def _from(self, shelf: Shelf, left: Left, standing: Standing, wanted: Need, found: Findings, tick: Tick) -> Left:
        room, marks = standing.room, standing.marks
        keeping = self._options.keeping(shelf.name)
        figures = self._figures(found.totals[shelf.name], keeping, standing)
        goal = room.free_bytes + wanted.bytes if wanted.bytes else None
        inodes = marks.inodes_high if wanted.files else None
        figures = figures.model_copy(update={"wanted_free_bytes": goal, "wanted_free_inodes": inodes})
        words = f"{written(room.free_bytes)} were free, room is made below {written(marks.low)}"
        if wanted.files:
            words = f"the file system could take {room.free_inodes} more files, room is made below {marks.inodes_low}"
        result = self._cleaner.reduce(shelf, left.need, Why("watermark", keeping.order, figures, words), self._choice(keeping), tick)
        found.totals[shelf.name] = self._totals(shelf)
        return Left(result.need, left.dry and result.dry)

    def _removable(self, totals: Totals) -> int:
        stays = totals.pinned_bytes + totals.fixed_bytes + (0 if self._allowed() else totals.unacknowledged_bytes)
        return max(0, totals.bytes - stays)

    # ---- what only this box has

    def _allowed(self) -> bool:
        """Whether unacknowledged training data may go now."""
        exports = self._options.exports
        if exports.unacknowledged != "alert" or self._asked_ns is None:
            return False
        return self._clock.mono_ns() - self._asked_ns >= span_s(exports.notice) * 1e9

    def _ask(self, found: Findings) -> None:
        """The alert stands as long as such data is in the way; it begins anew when it was not."""
        waiting = any(totals.unacknowledged_bytes for totals, _ in found.over.values())
        waiting = waiting or (found.in_the_way and any(totals.unacknowledged_bytes for totals in found.totals.values()))
        self._asked_ns = (self._asked_ns or self._clock.mono_ns()) if waiting else None
        if waiting and self._options.exports.unacknowledged == "alert":
            found.notice = f"; when this has stood for {self._options.exports.notice} the oldest of it is removed"
