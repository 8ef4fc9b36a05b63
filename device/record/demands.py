"""Demands: all who want one camera recorded now, whom a clip belongs to, and until when it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from contracts.clip import Cause, Why
from device.record.demand import ENDS, Demand

RANK = {"continuous": 0, "schedule": 1, "command": 2, "event": 3}  # a clip belongs to the first; among equals to the oldest


class Demands:
    """`until_pts_ns`: media time at which the last of them ends; None while one is on."""

    def __init__(self, first: Demand) -> None:
        self._on: dict[UUID, Demand] = {}
        self._off: dict[UUID, tuple[Demand, int]] = {}
        self._first = first  # owner as long as nobody has joined
        self.until_pts_ns: int | None = None
        self._ended_pts_ns = first.start_pts_ns
        self.why: Why = ENDS[first.trigger]

    def join(self, demand: Demand) -> None:
        self._off.pop(demand.id, None)
        self._on[demand.id] = demand
        self.until_pts_ns = None

    def leave(self, demand: UUID, ended_pts_ns: int, told_pts_ns: int, why: Why | None = None) -> None:
        """It ended: without another one the post-roll runs from there. What came until the end was known is kept as well: some of it
        is written, and how much of it must not depend on how fast the recorder was."""
        known = self._on.pop(demand, None)
        if known is None:
            return
        until = max(ended_pts_ns + known.post_roll_ms * 1_000_000, told_pts_ns)
        self._off[demand] = (known, until)
        self._ended_pts_ns = max(self._ended_pts_ns, ended_pts_ns)
        self.why = why or ENDS[known.trigger]
        if not self._on:
            self.until_pts_ns = max(end for _, end in self._off.values())

    @property
    def ended_pts_ns(self) -> int | None:
        """Where the last of them ended, if all have."""
        return None if self._on else self._ended_pts_ns

    def on(self) -> list[Demand]:
        return list(self._on.values())

    def get(self, demand: UUID) -> Demand | None:
        return self._on.get(demand)

    def standing(self, pts_ns: int) -> bool:
        """Whether one that stands wants this moment; the last to have ended counts where nobody else is on."""
        if any(each.standing for each in self._on.values()) or (not self._on and self.owner().standing):
            return True
        return any(each.standing and end > pts_ns for each, end in self._off.values())

    def owner(self) -> Demand:
        """Whom a clip that begins now belongs to."""
        there = list(self._on.values()) or [each for each, end in self._off.values() if end == self.until_pts_ns] or [self._first]
        return min(there, key=lambda each: (RANK[each.trigger], each.told_pts_ns))

    def told(self, pts_ns: int, owner: Demand) -> Iterator[Demand]:
        """The owner, and those that were on when the camera was there: known then, however late it is written."""
        yield from (each for each in self._all() if each.id == owner.id or each.told_pts_ns <= pts_ns)

    def causes(self, start_pts_ns: int, end_pts_ns: int, owner: Demand) -> list[Cause]:
        """Those that a clip is kept for: what they want reaches into it."""
        reach = [each for each in self._all() if each.from_pts_ns < end_pts_ns and self._end_of(each) > start_pts_ns]
        causes = [each.cause(owner) for each in reach or self._all()]
        return [cause for cause in causes if cause]

    def _all(self) -> list[Demand]:
        return sorted([*self._on.values(), *(each for each, _ in self._off.values())], key=lambda each: each.told_pts_ns)

    def _end_of(self, demand: Demand) -> int:
        return self._off[demand.id][1] if demand.id in self._off else 1 << 62

    def drop_before(self, pts_ns: int) -> list[UUID]:
        """Those that end before: nothing more is kept for them. Their groups."""
        gone = [each for each, end in self._off.values() if end <= pts_ns]
        if self._on:
            self._off = {key: value for key, value in self._off.items() if value[1] > pts_ns}
        return [each.group for each in gone]

    def groups(self) -> list[UUID]:
        return [each.group for each in self._all()]
