"""Unit: a part of a recording from key frame to key frame that can be looked at by itself; a plain value that travels as JSON."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from device.pipeline.packets import Outlines

# one picture as the index knows it: times in ns from the first picture, size and CRC-32 of its packet
ROW = np.dtype([("pts_ns", "<i8"), ("dts_ns", "<i8"), ("size", "<u4"), ("crc", "<u4"), ("key", "?")])
MOST_ROWS = 50_000_000
PARTS, SHORTEST_S, LONGEST_S = 32, 4.0, 60.0  # shorter ones cost more: a seek each, and at their border a second decoding


def unit_s(film_s: float) -> float:
    """Short recordings are divided finer, or most cores would have nothing of them, and the last unit keeps all others waiting."""
    return min(LONGEST_S, max(SHORTEST_S, film_s / PARTS)) if film_s > 0 else LONGEST_S


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """`rows` are the pictures from `first_row` of the file on: some groups before the unit, should its own key frame not be enough,
    the unit itself from `begin`, and behind `end` what may belong to it still: leading pictures of an open group, the rest of a
    period that the border cuts. `begin` and `end` count from the beginning of the file.

    Which pictures are samples: without a gate those that begin a period after `after` (None: from the first) up to `until`
    (None: to the last); with one exactly `passed`, the numbers of those that the gate let through.
    """

    file: str
    number: int
    camera: str
    digest: str  # SHA-256 of the file, hex
    start_wall_ns: int
    shift_ns: int  # from the file's own times to those of the rows
    detection_fps: float
    first_row: int
    begin: int
    end: int
    rows: NDArray[np.void]
    after: int | None = None
    until: int | None = None
    passed: tuple[int, ...] | None = None
    hides: Outlines = ()

    @property
    def key(self) -> str:
        """Names the work: the same wherever it is done."""
        return f"{self.digest[:16]}-{self.number:05d}"

    @property
    def seconds(self) -> float:
        """Media time from its key frame to the next unit's, or to the file's last picture."""
        own = self.rows["pts_ns"][self.begin - self.first_row :]
        last = own[self.end - self.begin] if self.end - self.begin < len(own) else own.max()
        return float(max(0, int(last) - int(own[0])) / 1e9)

    def to_json(self) -> str:
        """The rows are deflated; a minute of video is some 30 kB."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "rows"}
        packed = base64.b64encode(zlib.compress(self.rows.tobytes(), 1)).decode()
        return json.dumps({**plain, "rows": packed, "count": len(self.rows)})

    @classmethod
    def from_json(cls, text: str) -> Unit:
        """ValueError or TypeError when it is not one."""
        plain = json.loads(text)
        count = int(plain.pop("count"))
        if not 0 < count <= MOST_ROWS:
            raise ValueError(f"a unit of {count} pictures")
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(plain.pop("rows")), count * ROW.itemsize + 1)
        if len(raw) != count * ROW.itemsize:
            raise ValueError(f"a unit of {count} pictures has rows of {len(raw)} bytes")
        passed = plain.pop("passed")
        hides = tuple(tuple((float(x), float(y)) for x, y in outline) for outline in plain.pop("hides", ()))
        return cls(**plain, rows=np.frombuffer(raw, ROW), passed=None if passed is None else tuple(passed), hides=hides)
