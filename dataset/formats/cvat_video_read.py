"""CVAT for video 1.1 in: tracks are read once into a spool on disk, then frame by frame; between two boxes a track moves straight."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from contracts.errors import ConfigError, ProtocolError
from dataset.bounds import MOST_LABELS, ItemError, check_box, checked
from dataset.findings import Findings
from dataset.formats.coco_extras import label_extras, read_label
from dataset.formats.cvat_meta import read_labels
from dataset.formats.cvat_shapes import read_shape
from dataset.formats.cvat_video_write import SINGLE
from dataset.formats.elements import branches, whole_of
from dataset.items import Box, Category, Item, Label
from dataset.ontology import Ontology
from dataset.picture_size import KINDS
from dataset.pictures import Pictures
from dataset.spool import Spool

MOST_FRAMES = 20_000_000
LONGEST_GAP = 100_000  # frames between two boxes of a track
MOST_BETWEEN = 50_000_000  # boxes made between others, in one file


class CvatVideoReader:
    """A frame without boxes is an item too: the file says that it was looked at. `outside` boxes are not there."""

    def __init__(self, path: Path, findings: Findings | None = None) -> None:
        self.findings, self._ontology = findings or Findings(), Ontology()
        self._paths = [path] if path.is_file() else sorted(path.glob("*.xml"))
        if not self._paths:
            raise ConfigError(f"{path}: has no XML; name CVAT's annotations or the folder they lie in")
        self._root, self._between = (path.parent if path.is_file() else path), 0
        self._videos = [Video(each) for each in self._paths]
        self._spools = [Spool(shapes="frame INTEGER, label TEXT") for _ in self._paths]
        for video, spool in zip(self._videos, self._spools, strict=True):
            self._load(video, spool)
        self.total: int | None = sum(video.count for video in self._videos)

    @property
    def categories(self) -> Sequence[Category]:
        return self._ontology.categories

    def _load(self, video: Video, spool: Spool) -> None:
        track: Track | None = None
        for parent, child in branches(video.path, "annotations"):
            if parent.tag == "meta" and child is not None:
                video.head(child)
                read_labels(child, self._ontology, self.findings, str(video.path))
            if parent.tag != "track":
                continue
            try:
                track = track or Track(parent)
                if child is not None and child.tag != "attribute":
                    self._shape(video, spool, track, child)
            except ItemError as error:
                video.bad = True
                self.findings.skip(error.reason, f"{video.path}: track {parent.get('id', '')[:20]}", str(error))
            track = None if child is None else track
        spool.run("CREATE INDEX by_frame ON shapes (frame)")

    def _shape(self, video: Video, spool: Spool, track: Track, element: Element) -> None:
        frame = whole_of(element.get("frame"), "frame")
        if not 0 <= frame < MOST_FRAMES:
            raise ItemError("frame", f"frame {frame} is not from 0 to {MOST_FRAMES}")
        if frame < video.start:
            raise ItemError("frame", f"frame {frame} is before start_frame, {video.start}; export the task from CVAT again")
        shape = read_shape(element, lambda reason, text: self.findings.note(reason, str(video.path), text), track.category)
        if shape is None:
            return
        check_box(shape.label.box, f"frame {frame}")
        self._ontology.number(track.category)
        outside = element.get("outside") == "1"
        for at, label in track.step(frame, shape.label, outside):
            self._between += at != frame
            spool.add("shapes", at, _packed(label))
            video.seen(at)
        if self._between > MOST_BETWEEN:
            raise ProtocolError(f"{video.path}: more than {MOST_BETWEEN} boxes between others; export the frames from CVAT")

    def __iter__(self) -> Iterator[Item]:
        for video, spool in zip(self._videos, self._spools, strict=True):
            if video.bad:  # which frames the track that could not be read is in is unknown
                continue
            rows = spool.rows("SELECT frame, label FROM shapes ORDER BY frame, rowid")
            yield from self._frames(video, rows)

    def _frames(self, video: Video, rows: Iterator[tuple[object, ...]]) -> Iterator[Item]:
        row = next(rows, None)
        pictures = Pictures(self._root, *(f for f in (f"{video.path.stem}/images", "images", video.path.stem) if (self._root / f).is_dir()))
        for frame in range(video.start, video.start + video.count):
            labels: list[Label] = []
            while row is not None and int(str(row[0])) == frame:
                if len(labels) <= MOST_LABELS:
                    labels.append(_unpacked(str(row[1])))
                row = next(rows, None)
            try:
                yield checked(video.item(frame, tuple(labels), pictures))
            except ItemError as error:
                self.findings.skip(error.reason, f"{video.path}: frame {frame}", str(error))

    def close(self) -> None:
        for spool in self._spools:
            spool.close()


class Video:
    """What the head of a file says of its video."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, ""
        self.start, self.count, self.width, self.height, self.bad = 0, 0, 0, 0, False

    def head(self, task: Element) -> None:
        names = [each.text or "" for each in task.findall("name")]
        self.name = names[1] if len(names) > 1 else ""
        size = task.find("original_size") if task.tag != "original_size" else task
        if size is not None:
            self.width, self.height = (whole_of(size.findtext(side), side) for side in ("width", "height"))
        if task.findtext("start_frame") and task.findtext("size"):
            self.start = whole_of(task.findtext("start_frame"), "start_frame")
            self.count = whole_of(task.findtext("size"), "size")
        if not (0 <= self.start < MOST_FRAMES and 0 <= self.count < MOST_FRAMES):
            raise ProtocolError(f"{self.path}: frames {self.start} to {self.start + self.count}; at most {MOST_FRAMES}")

    def seen(self, frame: int) -> None:
        self.count = max(self.count, frame - self.start + 1)

    def item(self, frame: int, labels: tuple[Label, ...], pictures: Pictures) -> Item:
        stem = f"frame_{frame:06d}"
        path = next((found for kind in KINDS if (found := pictures.find(stem + kind)) is not None), None)
        folder = f"{self.path.stem}/" if self.name else ""
        file = f"{folder}{path.name if path else stem + '.png'}"
        return Item(f"{self.name}/{frame}", file, self.width, self.height, labels, path, sequence=self.name, frame=frame)


class Track:
    """One track while its boxes come."""

    def __init__(self, element: Element) -> None:
        self.category = element.get("label", "")
        self._source = element.get("source", "")
        self._number = whole_of(element.get("id"), "track id")
        self._last: tuple[int, Label] | None = None

    def step(self, frame: int, label: Label, outside: bool) -> Iterator[tuple[int, Label]]:
        """The boxes up to this one; those between are made where the track was not outside."""
        given = dict(label.attributes)
        single = given.pop(SINGLE, "") == "true"
        number = None if single else self._number
        label = replace(label, attributes=given, track=number, source=label.source or self._source)
        if self._last is not None:
            yield from self._between(frame, label)
        self._last = None if outside else (frame, label)
        if not outside:
            yield frame, label

    def _between(self, frame: int, label: Label) -> Iterator[tuple[int, Label]]:
        if self._last is None:
            return
        before, first = self._last
        if not 0 < frame - before <= LONGEST_GAP:
            raise ItemError("frame", f"frame {frame} follows on frame {before}; frames ascend, by at most {LONGEST_GAP}")
        for at in range(before + 1, frame):
            yield at, replace(first, box=_moved(first.box, label.box, (at - before) / (frame - before)))


def _moved(a: Box, b: Box, part: float) -> Box:
    x, y, width, height = (p + (q - p) * part for p, q in zip(a, b, strict=True))
    return (x, y, width, height)


def _packed(label: Label) -> str:
    return json.dumps([label.box, label.category, dict(label.attributes), label.crowd, label_extras(label)])


def _unpacked(text: str) -> Label:
    box, category, attributes, crowd, extras = json.loads(text)
    found: dict[str, Any] = read_label(extras)
    x, y, width, height = box
    return Label((x, y, width, height), category, attributes=attributes, crowd=crowd, **found)
