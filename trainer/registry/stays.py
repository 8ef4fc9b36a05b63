"""Stays: from when to when which model ran on which box, put together of what was seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, case, func, literal, select, union_all

from trainer.store.registry_tables import placements
from trainer.store.tables import devices

APART_US = 24 * 3_600_000_000  # a model beside the main one that was not seen for longer went and came back


@dataclass(frozen=True)
class Stay:
    """`to_us`: when the next model of the box was first seen; null: it is the last that is known. `main`: the one the box itself names."""

    device: str
    model: str
    from_us: int
    seen_us: int
    to_us: int | None
    main: bool

    def holds(self, at_us: int) -> bool:
        """A main model ran until another was seen; of one beside it nobody knows more than when it was seen."""
        if self.main:
            return self.from_us <= at_us and (self.to_us is None or at_us < self.to_us)
        return self.from_us <= at_us <= self.seen_us


def stays(connection: Connection, device: str | None = None, model: str | None = None) -> list[Stay]:
    """Of one box or all; `model`: only its own, of the boxes that ever had it. In the order of boxes and time."""
    numbers = select(devices.c.number)
    if device is not None:
        numbers = numbers.where(devices.c.name == device)
    if model is not None:
        numbers = numbers.where(devices.c.number.in_(select(placements.c.device).where(placements.c.model == model)))
    found = [*_main(connection, numbers), *_beside(connection, numbers)]
    return sorted((each for each in found if model in {None, each.model}), key=lambda each: (each.device, each.from_us, each.model))


def _main(connection: Connection, numbers: Select[tuple[int]]) -> Iterator[Stay]:
    """The database keeps only the changes: a year of a thousand boxes is a few rows each."""
    rows = connection.execute(_islands(numbers)).all()
    for name, of_box in groupby(rows, key=lambda row: row.name):
        runs = list(of_box)
        for run, after in zip(runs, [*runs[1:], None], strict=True):
            yield Stay(name, run.model, run.from_us, run.seen_us, after.from_us if after else None, main=True)


def _islands(numbers: Select[tuple[int]]) -> Select[tuple[str, str, int, int]]:
    """Every first and last sighting in the order of time; a run ends where another main model is seen."""
    told = (
        select(placements.c.device, placements.c.model)
        .where(placements.c.told == 1, placements.c.device.in_(numbers))
        .distinct()
        .subquery()
    )
    own = select(placements).join(told, (told.c.device == placements.c.device) & (told.c.model == placements.c.model)).subquery()
    both = union_all(
        select(own.c.device, own.c.model, own.c.from_us.label("t")), select(own.c.device, own.c.model, own.c.to_us.label("t"))
    ).subquery()
    order = (both.c.t, both.c.model)
    before = func.lag(both.c.model).over(partition_by=both.c.device, order_by=order)
    changed = case((before == both.c.model, literal(0)), else_=literal(1)).label("changed")
    marked = select(both.c.device, both.c.model, both.c.t, changed).subquery()
    number = func.sum(marked.c.changed).over(partition_by=marked.c.device, order_by=(marked.c.t, marked.c.model)).label("number")
    runs = select(marked.c.device, marked.c.model, marked.c.t, number).subquery()
    grouped = select(
        runs.c.device,
        runs.c.number,
        func.min(runs.c.model).label("model"),
        func.min(runs.c.t).label("from_us"),
        func.max(runs.c.t).label("seen_us"),
    ).group_by(runs.c.device, runs.c.number)
    each = grouped.subquery()
    return (
        select(devices.c.name, each.c.model, each.c.from_us, each.c.seen_us)
        .join(devices, devices.c.number == each.c.device)
        .order_by(devices.c.name, each.c.number)
    )


def _beside(connection: Connection, numbers: Select[tuple[int]]) -> Iterator[Stay]:
    """Models that only events name: a classifier behind the detector. Several may run at once."""
    told = select(placements.c.device, placements.c.model).where(placements.c.told == 1).distinct().subquery()
    joined = placements.outerjoin(told, (told.c.device == placements.c.device) & (told.c.model == placements.c.model))
    query = (
        select(devices.c.name, placements.c.model, placements.c.from_us, placements.c.to_us)
        .select_from(joined.join(devices, devices.c.number == placements.c.device))
        .where(told.c.device.is_(None), placements.c.device.in_(numbers))
        .order_by(devices.c.name, placements.c.model, placements.c.hour)
    )
    for (name, model), rows in groupby(connection.execute(query).all(), key=lambda row: (row.name, row.model)):
        yield from _joined(name, model, rows)


def _joined(name: str, model: str, rows: Iterable[Any]) -> Iterator[Stay]:
    open_from = open_to = None
    for row in rows:
        if open_from is None or open_to is None:
            open_from, open_to = row.from_us, row.to_us
        elif row.from_us - open_to > APART_US:
            yield Stay(name, model, open_from, open_to, open_to, main=False)
            open_from, open_to = row.from_us, row.to_us
        else:
            open_to = max(open_to, row.to_us)
    if open_from is not None and open_to is not None:
        yield Stay(name, model, open_from, open_to, None, main=False)
