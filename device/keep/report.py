"""Report: what the janitor found, as figures for a page, for health and for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.health import ShelfHealth, StorageHealth
from contracts.storage import ShelfReport, StorageReport
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.keep.ages import Ages
from device.keep.amounts import amount_bytes, span_s
from device.keep.cleaner import Cleaner
from device.keep.options import StorageOptions
from device.keep.room import Standing
from device.keep.shelf import Totals
from device.keep.troubles import Troubles
from device.keep.verdict import Findings, Verdict, other_bytes
from device.rates import DAY_S, LEAST_S, Rates

GROWING = 0.98  # a shelf fuller than that of its budget grows no more: its oldest go as new things come
LONGEST_DAYS = 36_525.0


@dataclass(frozen=True)
class Desk:
    """What figures are made of."""

    options: StorageOptions
    cleaner: Cleaner
    rates: Rates
    ages: Ages
    troubles: Troubles
    clock: Clock

    def report(self, found: Findings, standing: Standing | None, said: Verdict) -> StorageReport:
        shelves = {name: self._shelf(name, totals, found, standing) for name, totals in found.totals.items()}
        per_day = [shelf.per_day_bytes for shelf in shelves.values()]
        room, marks = (standing.room, standing.marks) if standing else (None, None)
        return StorageReport(
            t=utc_from_ns(self.clock.wall_ns()),
            state=said.state,
            reason=said.reason,
            total_bytes=room.total_bytes if room else None,
            free_bytes=room.free_bytes if room else None,
            total_inodes=room.total_inodes if room and room.total_inodes else None,
            free_inodes=room.free_inodes if room and room.total_inodes else None,
            free_low_bytes=marks.low if marks else None,
            free_high_bytes=marks.high if marks else None,
            ballast_bytes=found.ballast_bytes,
            other_bytes=other_bytes(found),
            per_day_bytes=sum(each for each in per_day if each is not None) if any(each is not None for each in per_day) else None,
            days_left=_days(room.free_bytes - marks.low, _growth(shelves)) if room and marks else None,
            shelves=shelves,
            last_removals=list(self.cleaner.last),
        )

    def _shelf(self, name: str, totals: Totals, found: Findings, standing: Standing | None) -> ShelfReport:
        keeping = self.options.keeping(name)
        budget = amount_bytes(keeping.budget, standing.room.total_bytes) if keeping.budget and standing else None
        per_day = self._per_day(name, totals)
        count, size = self.cleaner.removed.get(name, (0, 0))
        return ShelfReport(
            bytes=totals.bytes,
            count=totals.count,
            pinned_bytes=totals.pinned_bytes,
            unacknowledged_bytes=totals.unacknowledged_bytes,
            oldest=_utc(totals.oldest_wall_ns),
            budget_bytes=budget,
            max_age_s=span_s(keeping.max_age) if keeping.max_age else None,
            per_day_bytes=per_day,
            days_left=None if budget is None else _days(budget - totals.bytes, per_day),
            days_kept=None if budget is None else _days(budget, per_day),
            removed_count=count,
            removed_bytes=size,
            trouble=found.distrusted.get(name, "") or self.troubles.of(name),
        )

    def _per_day(self, name: str, totals: Totals) -> int | None:
        """What was counted; a first guess from what is there while nothing was counted for long enough."""
        counted = self.rates.per_day(name)
        age_ns = None if totals.oldest_wall_ns is None else self.ages.age_ns(totals.oldest_wall_ns)
        if counted is not None or age_ns is None or age_ns < LEAST_S * 1e9:
            return counted
        return int(totals.bytes * DAY_S * 1e9 / age_ns)


def _growth(shelves: Mapping[str, ShelfReport]) -> int | None:
    """Bytes a day of those that are not at their budget."""
    known = [
        shelf.per_day_bytes
        for shelf in shelves.values()
        if shelf.per_day_bytes is not None and not (shelf.budget_bytes is not None and shelf.bytes >= GROWING * shelf.budget_bytes)
    ]
    return sum(known) if known else None


def _days(room_bytes: int, per_day: int | None) -> float | None:
    """None: nothing comes, or it is not known."""
    if not per_day:
        return None
    return round(min(LONGEST_DAYS, max(0.0, room_bytes / per_day)), 2)


def _utc(wall_ns: int | None) -> datetime | None:
    return None if wall_ns is None else utc_from_ns(wall_ns)


def health_of(report: StorageReport) -> StorageHealth:
    """The small form."""
    shelves = {
        name: ShelfHealth(
            bytes=shelf.bytes, budget_bytes=shelf.budget_bytes, per_day_bytes=shelf.per_day_bytes, days_left=shelf.days_left
        )
        for name, shelf in report.shelves.items()
    }
    return StorageHealth(state=report.state, free_bytes=report.free_bytes, days_left=report.days_left, shelves=shelves)
