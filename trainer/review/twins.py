"""Twins: pictures that were in the queue before, in this data set or another, or nearly so: they are not looked at twice."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from contracts.dataset import Record
from dataset.phash import BAND_BITS, bands, distance
from trainer.store.review_tables import review_items

NEAR_BITS = 6  # as data sets link them
LOOKED_AT = 4096  # candidates: a bound for pictures that were made to be slow
KNOWN = (
    review_items.c.id, review_items.c.sha256, review_items.c.device, review_items.c.session, review_items.c.camera, review_items.c.t_us,
    review_items.c.band0, review_items.c.band1, review_items.c.band2, review_items.c.band3, review_items.c.boxes, review_items.c.width,
    review_items.c.height,
)  # fmt: skip


@dataclass(frozen=True)
class Twin:
    """`first` is what is looked at; `copy`: it is the very same picture, fetched twice, and stands for nothing more."""

    first: str
    copy: bool


def twin_of(connection: Connection, record: Record, t_us: int) -> Twin | None:
    """The same file, or one that looks nearly the same and in which the model saw as many of each class."""
    items = review_items.c
    same = connection.execute(select(*KNOWN).where(items.sha256 == record.sha256, items.state != "twin").limit(1)).one_or_none()
    if same is not None:
        place = (record.device, record.session, record.source, t_us)
        return Twin(same.id, (same.device, same.session, same.camera, same.t_us) == place)
    value = int(record.phash, 16)
    shown = Counter(label.category_name for label in record.labels)
    near = [row for row in _near(connection, value) if (row.width, row.height) == (record.width, record.height)]
    near = [row for row in near if distance(phash_of(row), value) <= NEAR_BITS and counts(row.boxes) == shown]
    best = min(near, key=lambda row: (distance(phash_of(row), value), row.id), default=None)
    return Twin(best.id, copy=False) if best is not None else None


def _near(connection: Connection, value: int) -> list[Row[Any]]:
    """All that agree in one band but for a bit: six bits of 64 in four bands leave one with at most one."""
    tries = [
        review_items.c[f"band{band}"].in_([key, *(key ^ 1 << bit for bit in range(BAND_BITS))]) for band, key in bands(value)
    ]  # as NearIndex has it
    query = select(*KNOWN).where(or_(*tries), review_items.c.state.notin_(["twin", "gone"])).limit(LOOKED_AT)
    return list(connection.execute(query))


def phash_of(row: Row[Any]) -> int:
    return int(sum(getattr(row, f"band{band}") << band * BAND_BITS for band in range(4)))


def band_columns(value: int) -> dict[str, int]:
    return {f"band{band}": key for band, key in bands(value)}


def counts(boxes: str) -> Counter[str]:
    """Of each class in the boxes of an item."""
    return Counter(str(row[5]) for row in json.loads(boxes))
