"""CVAT for video 1.1 out: what is the same thing over time as one track, one XML a video."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TextIO

from contracts.files import file_name, storage
from dataset.findings import Findings
from dataset.formats.cvat_meta import Listed, attribute_rows
from dataset.formats.elements import escaped, shown
from dataset.formats.target import Target
from dataset.items import Category, Item, Label
from dataset.pictures import Mode
from dataset.spool import Spool

EXTRAS = ("confidence", "source", "verified", "point", "crowd", "difficult", "truncated", "observation")
HOLDS = frozenset({"beyond", "track", "occluded", "attributes", "frame", *EXTRAS})
SINGLE = "vedette_single"  # a box that belongs to no track; CVAT's video knows tracks only
COLUMNS = "video TEXT, track INTEGER, frame INTEGER, category TEXT, shape TEXT"
Row = tuple[object, ...]


class CvatVideoWriter:
    """`<video>.xml` and `<video>/images/frame_000000.png`, numbered in the order the frames come; one without a name is `video`.

    Every box is a key frame, and where a track ends or pauses a box with `outside` says so: CVAT imports key frames only, and
    a track without an end goes on for ever there. A track that changes its class becomes two, as CVAT has one class for each.
    """

    def __init__(self, path: Path, categories: Iterable[Category] = (), pictures: Mode = "copy", findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._target = Target(path, pictures, self.findings)
        self._listed = Listed(categories)
        self._spool = Spool(shapes=COLUMNS)
        self._frames: dict[str, tuple[int, int, int]] = {}  # how many, width, height
        self._next = 1 << 40  # numbers of tracks that have none

    def write(self, item: Item) -> None:
        count, width, height = self._frames.get(item.sequence, (0, item.width, item.height))
        if (width, height) != (item.width, item.height):
            text = f"{item.file} is {item.width}x{item.height}, the video {width}x{height}; CVAT has one size for all frames"
            self.findings.note("size changes", item.id, text)
        self._frames[item.sequence] = (count + 1, width, height)
        taken: set[int] = set()
        for label in item.labels:
            self._add(item, label, count, taken)
        ending = item.file.rpartition(".")[2]
        self._target.place(item, f"{file_name(item.sequence or 'video')}/images/frame_{count:06d}.{ending}")

    def _add(self, item: Item, label: Label, frame: int, taken: set[int]) -> None:
        single = label.track is None or label.track in taken
        number = self._next if single or label.track is None else label.track
        if single:
            self._next += 1
        taken.add(number)
        written = dict(self._listed.attributes(label, EXTRAS))
        if single:
            self._listed.attributes(Label(label.box, label.category, attributes={SINGLE: True}), ())
            written[SINGLE] = "true"
        x, y, width, height = label.box
        sides = " ".join(f'{name}="{shown(v)}"' for name, v in (("xtl", x), ("ytl", y), ("xbr", x + width), ("ybr", y + height)))
        shape = json.dumps([f'occluded="{int(label.occluded)}" {sides}', attribute_rows(written)])
        self._spool.add("shapes", item.sequence, number, frame, label.category, shape)

    def close(self) -> None:
        for video in self._frames or {"": (0, 1, 1)}:
            with storage(self._target.folder), self._target.open(f"{file_name(video or 'video')}.xml") as file:
                self._document(video, file)
        self._spool.close()
        self._target.finish()

    def _document(self, video: str, file: TextIO) -> None:
        count, width, height = self._frames.get(video, (0, 1, 1))
        size = f"<original_size><width>{width}</width><height>{height}</height></original_size>"
        last = max(count - 1, 0)
        frames = f"      <start_frame>0</start_frame>\n      <stop_frame>{last}</stop_frame>\n      <frame_filter></frame_filter>\n"
        more = f"{frames}      <name>{escaped(video)}</name>\n      {size}\n" if video else f"{frames}      {size}\n"
        file.write(self._listed.document(count, "interpolation", more))
        query = "SELECT track, frame, category, shape FROM shapes WHERE video = ? ORDER BY track, category, frame"
        before: object = None
        for number, (track, rows) in enumerate(_tracks(self._spool.rows(query, video))):
            own = track if isinstance(track, int) and track < 1 << 30 and track != before else (1 << 30) + number
            self._track(file, rows, count, own)
            before = track
        file.write("</annotations>\n")

    def _track(self, file: TextIO, rows: Iterator[Row], count: int, number: int) -> None:
        last: tuple[int, str, str] | None = None
        for _, frame, category, shape in rows:
            sides, attributes = json.loads(str(shape))
            if last is None:
                file.write(f'  <track id="{number}" label="{escaped(str(category))}">\n')
            elif last[0] + 1 < int(str(frame)):
                file.write(_row(last[0] + 1, 1, *last[1:]))
            last = (int(str(frame)), sides, attributes)
            file.write(_row(*last[:1], 0, *last[1:]))
        if last is not None and last[0] + 1 < count:
            file.write(_row(last[0] + 1, 1, *last[1:]))
        file.write("  </track>\n")

    def abandon(self) -> None:
        self._spool.close()
        self._target.abandon()


def _row(frame: int, outside: int, sides: str, attributes: str) -> str:
    return f'    <box frame="{frame}" outside="{outside}" keyframe="1" {sides} z_order="0">{attributes}</box>\n'


def _tracks(rows: Iterator[Row]) -> Iterator[tuple[object, Iterator[Row]]]:
    """Number and rows of one track and class after the other; each must be read before the next."""
    for (track, _), group in groupby(rows, key=lambda row: (row[0], row[2])):
        yield track, group
