"""Curves as TensorBoard reads them: its event files, written by hand: an Event a record, in the frames of TFRecord.

Event {1: wall_time double, 2: step int64, 3: file_version string, 5: Summary {1: Value {1: tag string, 2: simple_value float}}}
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from contracts.files import make_folders, storage
from contracts.run import EpochLine
from dataset.formats.example import field, record, varint

VERSION = b"brain.Event:2"
DOUBLE, VARINT, FLOAT = 1, 0, 5  # wire types


class Curves:
    """One file each time a run begins or goes on; what a resumed run says again replaces nothing and is the same."""

    def __init__(self, folder: Path, wall_s: float) -> None:
        with storage(folder):
            make_folders(folder)
            self._file = (folder / f"events.out.tfevents.{int(wall_s):010d}.vedette.{os.getpid()}").open("ab")
            self._file.write(record(_event(wall_s, 0) + field(3, VERSION)))
            self._file.flush()

    def add(self, line: EpochLine) -> None:
        values = {f"loss/{name}": value for name, value in line.loss.items()}
        values |= {"rate": line.rate, "val/ap": line.ap, "val/ap50": line.ap50}
        values |= {f"val/ap50/{name}": value for name, value in line.classes.items()}
        with storage(Path(self._file.name)):
            self._file.write(record(_event(line.t.timestamp(), line.epoch) + field(5, _summary(values))))
            self._file.flush()

    def close(self) -> None:
        self._file.close()


def _event(wall_s: float, step: int) -> bytes:
    return varint(1 << 3 | DOUBLE) + struct.pack("<d", wall_s) + varint(2 << 3 | VARINT) + varint(step)


def _summary(values: Mapping[str, float | None]) -> bytes:
    known = ((name, value) for name, value in values.items() if value is not None and math.isfinite(value))
    return b"".join(field(1, field(1, name.encode()) + varint(2 << 3 | FLOAT) + struct.pack("<f", value)) for name, value in known)
