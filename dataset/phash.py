"""phash: 64 bits that change little when a picture does; found again among a million by bands of them.

The hash is that of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010): the 8x8 lowest frequencies of a
DCT of 32x32 gray pixels, each above the median or not. The search is multi-index hashing (Norouzi, Punjani, Fleet 2012): two hashes that
differ in at most 7 of 64 bits differ in at most one bit of at least one of four bands of 16, so looking up each band and its 16
neighbours at distance one finds every one of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from vision.types import Image

SIDE, LOW = 32, 8
BANDS, BAND_BITS = 4, 16
ALL_BITS = (1 << 64) - 1
REACH_BITS = 7  # most bits in which a near-duplicate may differ: what the bands are sure to find
LOOKED_AT = 4096  # candidates of a band: a bound for data sets that were made to be slow


def phash(image: Image) -> int:
    """Of a BGR picture."""
    gray = cv2.cvtColor(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low = cv2.dct(gray.astype(np.float32))[:LOW, :LOW].ravel()
    bits = low > np.median(low[1:])  # the first is the brightness of the whole, which says nothing
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(a: int, b: int) -> int:
    return ((a ^ b) & ALL_BITS).bit_count()


def bands(value: int) -> Iterator[tuple[int, int]]:
    """Number and bits of each band."""
    return ((band, value >> band * BAND_BITS & 0xFFFF) for band in range(BANDS))


def neighbours(value: int) -> Iterator[tuple[int, int]]:
    """Each band, and each that differs from it in one bit."""
    return ((band, near) for band, key in bands(value) for near in (key, *(key ^ 1 << bit for bit in range(BAND_BITS))))


def nearest(value: int, others: Iterable[tuple[int, int]], within: int) -> tuple[int, int] | None:
    """Bits and number of the nearest of (number, hash); the lowest number of several."""
    found = min(((distance(value, other), number) for number, other in others), default=None)
    return found if found and found[0] <= within else None


class NearIndex:
    """The hashes of pictures that are the first of their kind, in a table of bands. Near-duplicates are not added, so it stays small
    however long a camera looks at the same street, and whatever is linked to a picture is near to that picture itself."""

    TABLE = "CREATE TABLE bands (band INTEGER, key INTEGER, image INTEGER, phash INTEGER, PRIMARY KEY (band, key, image)) WITHOUT ROWID"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._rows = connection

    def add(self, image: int, value: int) -> None:
        rows = [(band, key, image, _signed(value)) for band, key in bands(value)]
        self._rows.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?, ?, ?)", rows)

    def remove(self, image: int, value: int) -> None:
        self._rows.executemany("DELETE FROM bands WHERE band = ? AND key = ? AND image = ?", [(b, key, image) for b, key in bands(value)])

    def nearest(self, value: int, within: int) -> tuple[int, int] | None:
        """Bits and number of the nearest earlier picture; None: none is within so many bits."""
        return nearest(value, self._candidates(value), min(within, REACH_BITS))

    def _candidates(self, value: int) -> Iterator[tuple[int, int]]:
        """Numbers and hashes of all that agree in one band but for a bit."""
        marks = ",".join("?" * (BAND_BITS + 1))
        query = f"SELECT image, phash FROM bands WHERE band = ? AND key IN ({marks}) LIMIT {LOOKED_AT}"  # noqa: S608  numbers of ours
        for band, key in bands(value):
            keys = [key, *(key ^ 1 << bit for bit in range(BAND_BITS))]
            yield from self._rows.execute(query, (band, *keys))


def _signed(value: int) -> int:
    """As SQLite holds 64 bits."""
    return value - (1 << 64) if value >> 63 else value
