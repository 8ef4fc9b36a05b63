"""Known: what the index knows of one picture, and of all together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A picture of the data set, as far as the index knows it."""

    n: int
    id: str
    bytes: int
    first: int  # number of the first record of it, and of the last
    last: int
    acked: int  # up to which record somebody has it
    removed: bool
    boxes: int
    us: int  # time of its first record, microseconds since 1970

    @property
    def acknowledged(self) -> bool:
        return self.acked >= self.last


@dataclass(frozen=True, slots=True)
class Held:
    """What pictures there are, those that were removed left out."""

    bytes: int
    count: int
    oldest_us: int | None
    unacknowledged_bytes: int


KNOWN = "n, id, bytes, first, last, acked, removed, boxes, us"


def known_of(row: tuple[int, bytes, int, int, int, int, int, int, int]) -> Known:
    return Known(row[0], row[1].hex(), row[2], row[3], row[4], row[5], bool(row[6]), row[7], row[8])
