"""Streams: the hours of one camera under one model out of the store, and the days of it that are normal."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, and_, delete, func, not_, select

from contracts.drift import DriftWindow
from trainer.store.catalogue import insert_or_ignore
from trainer.store.drift_tables import drift_hours, drift_normals
from trainer.store.tables import devices

log = logging.getLogger(__name__)
DAY = 24
HOUR_US = 3_600_000_000
LEAST_HOURS = 4  # of a day on which the box was on long enough to count
LATELY = 14 * DAY  # hours after which nothing more is expected of a camera
MOST_CAMERAS = 64  # of a box under one model
KEPT_HOURS = 45 * DAY


@dataclass(frozen=True, slots=True, order=True)
class Stream:
    model: str
    device: str
    camera: str
    number: int  # of the device in the store


@dataclass(frozen=True, slots=True)
class Normal:
    """From hour to hour, whole days; `days` of them count."""

    from_hour: int
    to_hour: int
    days: int


def streams(connection: Connection, end: int) -> Iterator[Stream]:
    """Of which something came lately, in the order of models and boxes."""
    hours = drift_hours.c
    query = select(hours.model, devices.c.name, hours.camera, hours.device).join(devices, devices.c.number == hours.device)
    query = query.where(hours.hour > end - LATELY, hours.hour <= end).distinct().order_by(hours.model, devices.c.name, hours.camera)
    told: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(query).all():
        told[row.model, row.name] += 1
        if told[row.model, row.name] <= MOST_CAMERAS:
            yield Stream(row.model, row.name, row.camera, row.device)


def read(connection: Connection, stream: Stream, first: int, end: int) -> dict[int, DriftWindow]:
    """Hours `first` to before `end`."""
    hours = drift_hours.c
    query = select(hours.hour, hours.body).where(*_of(stream), hours.hour >= first, hours.hour < end)
    found = {}
    for row in connection.execute(query):
        try:
            found[int(row.hour)] = DriftWindow.model_validate_json(row.body)
        except ValidationError:
            log.warning("%s: an hour of %s cannot be read and is left out", stream.device, stream.camera)
    return found


def normal_of(connection: Connection, stream: Stream) -> Normal | None:
    of = drift_normals.c
    same = (of.device == stream.number, of.model == stream.model, of.camera == stream.camera)
    row = connection.execute(select(of.from_hour, of.to_hour, of.days).where(*same)).one_or_none()
    return Normal(row.from_hour, row.to_hour, row.days) if row else None


def begun(connection: Connection, stream: Stream, days: int, end: int) -> tuple[Normal, bool]:
    """The days so far, and whether they are enough."""
    hours = drift_hours.c
    found = sorted(connection.execute(select(hours.hour).where(*_of(stream), hours.hour <= end)).scalars())
    if not found:
        return Normal(end + 1, end + 1, 0), False
    of_day = Counter((hour - found[0]) // DAY for hour in found)
    good = [day for day in sorted(of_day) if of_day[day] >= LEAST_HOURS and found[0] + (day + 1) * DAY <= end + 1][:days]
    last = good[-1] + 1 if good else 0
    return Normal(found[0], found[0] + last * DAY, len(good)), len(good) >= days


def keep_normal(connection: Connection, stream: Stream, normal: Normal, now_us: int) -> None:
    """For ever: what is normal does not drift along."""
    row = {"device": stream.number, "model": stream.model, "camera": stream.camera, "days": normal.days, "body": ""}
    hours = {"from_hour": normal.from_hour, "to_hour": normal.to_hour, "made_us": now_us}
    connection.execute(insert_or_ignore(connection, drift_normals), {**row, **hours})


def forget(connection: Connection, end: int) -> None:
    """Hours that are old and no camera's normal days."""
    hours, of = drift_hours.c, drift_normals.c
    same = and_(of.device == hours.device, of.model == hours.model, of.camera == hours.camera)
    inside = and_(same, hours.hour >= of.from_hour, hours.hour < of.to_hour)
    connection.execute(delete(drift_hours).where(hours.hour < end - KEPT_HOURS, not_(select(of.days).where(inside).exists())))


def newest(connection: Connection) -> int:
    """When the last hour came; 0: none did."""
    return int(connection.execute(select(func.max(drift_hours.c.came_us))).scalar() or 0)


def _of(stream: Stream) -> tuple[ColumnElement[bool], ...]:
    hours = drift_hours.c
    return hours.device == stream.number, hours.model == stream.model, hours.camera == stream.camera
