"""Thumbnails: a small JPEG of each event's first frame, decoded from its key frame when all is known."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from contracts.batchlog import Entry
from contracts.files import storage, write_durably
from device.batch.excerpt import Excerpt
from device.batch.folder import WorkFolder
from device.batch.index import Facts, Segment, unit_of
from device.batch.units import Unit
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.clock import Clock
from device.pipeline.packets import StreamInfo
from device.record.pictures import encoded, fitted
from vision.types import Frame

log = logging.getLogger(__name__)
SIDE_PX = 320
QUALITY = 85


def with_thumbnails(
    entries: Sequence[Entry], folder: Path, relative: str, work: WorkFolder, facts: Facts, source: FileSource, clock: Clock
) -> list[Entry]:
    """The entries with the names of their pictures, which are then in `folder`. An event whose frame gives no picture has none."""
    by_frame: dict[int, list[int]] = {}
    for at, entry in enumerate(entries):
        by_frame.setdefault(entry.frame_number, []).append(at)
    named = list(entries)
    for segment in facts.segments:
        wanted = {number for number in by_frame if segment.begin <= number < segment.end}
        for frame in pictures(_unit(segment, work, facts, source), wanted, clock) if wanted else ():
            picture = encoded(fitted(frame.planes.bgr(), SIDE_PX), "jpg", QUALITY)
            for at in by_frame[frame.seq]:
                name = f"{named[at].event_id}.jpg"
                write_durably(folder / name, picture)
                named[at] = named[at].model_copy(update={"thumbnail": f"{relative}/{name}"})
    return named


def forget_others(folder: Path, entries: Sequence[Entry]) -> None:
    """Pictures of a run that was cut, or of more events than there are now."""
    named = {Path(entry.thumbnail).name for entry in entries if entry.thumbnail}
    with storage(folder):
        for path in folder.glob("evt_*.jpg") if folder.is_dir() else ():
            if path.name not in named:
                path.unlink()


def _unit(segment: Segment, work: WorkFolder, facts: Facts, source: FileSource) -> Unit:
    return unit_of(segment, work.rows(segment.first_row, segment.last), source, "", facts, 1.0)


def pictures(unit: Unit, wanted: set[int], clock: Clock) -> Iterator[Frame]:
    """Those frames, each group of pictures decoded from its key frame; a leading picture from the key frame before."""
    keys = unit.first_row + np.flatnonzero(unit.rows["key"])
    for key, mine in sorted(_by_key(unit, wanted, keys.tolist()).items()):
        left = set(mine)
        decoder: Decoder | None = None
        stream: StreamInfo | None = None
        packets = Excerpt(_tail(unit, key), clock).packets(key)
        frames: list[Frame] = []
        for packet in packets:
            if packet.stream != stream:
                frames, stream = decoder.flush() if decoder else [], packet.stream
                decoder = Decoder(stream)
            if decoder is not None:
                frames += decoder.decode(packet)
            yield from (frame for frame in frames if frame.seq in left)
            left -= {frame.seq for frame in frames}
            frames = []
            if not left:
                break
        yield from (frame for frame in (decoder.flush() if decoder and left else []) if frame.seq in left)


def _by_key(unit: Unit, wanted: set[int], keys: Sequence[int]) -> Mapping[int, list[int]]:
    """From which key frame each is decoded."""
    found: dict[int, list[int]] = {}
    for row in wanted:
        before = [key for key in keys if key <= row]
        key_ns = int(unit.rows[before[-1] - unit.first_row]["pts_ns"])
        leading = int(unit.rows[row - unit.first_row]["pts_ns"]) < key_ns and len(before) > 1
        found.setdefault(before[-2] if leading else before[-1], []).append(row)
    return found


def _tail(unit: Unit, row: int) -> Unit:
    """The unit's pictures from that row on."""
    return replace(unit, first_row=row, rows=unit.rows[row - unit.first_row :])
