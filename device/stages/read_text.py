"""ReadText: what is written in boxes and regions of the picture, and the fields that are made of it."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from contracts.errors import BundleError, ConfigError, HardwareError
from device.pipeline.context import Context
from device.pipeline.doubts import UNREAD_TEXT, doubted
from device.pipeline.strict import Strict
from device.stages.patterns import Fields
from device.stages.reading_rows import Box, Row, area_in, grown, joined, key_of, with_added, with_text
from device.stages.reading_rules import Rule
from vision.text.charset import Allowed
from vision.text.reader import TextLine
from vision.types import Detections, Image, Scene, Status

log = logging.getLogger(__name__)
Label = Annotated[str, Field(min_length=1, max_length=100)]
MOST_ROWS = 100  # boxes of one picture that are read, of each label: the rest keeps its row, without text


@dataclass(frozen=True, slots=True)
class Place:
    """A rule, ready to be used."""

    name: str
    rule: Rule
    fields: Fields
    allowed: Allowed | None
    kept: bool  # a row whose text is not as expected


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What is read for a row (None: for a region), and where it was cut out of the picture; no crop where nothing of it is inside."""

    row: int | None
    place: Place
    corner: tuple[int, int] = (0, 0)
    crop: Image | None = None


class ReadText:
    """Adds columns `text` (str or None), `text_confidence` and `fields` (a mapping or None) to all boxes, and a row named as the
    region where text was read in one. A picture is read by itself: nothing of the pictures before it counts.
    """

    frame_only: Literal[True] = True

    class Options(Strict):
        """What is read where."""

        reader: str = Field(default="text-read", description="name or path of the bundle that reads a line")
        finder: str = Field(default="text-find", description="the bundle that finds lines; only opened for the modes lines and full")
        regions: dict[Label, Rule] = Field(default_factory=dict, description="name -> a part of the picture; the name is its rows' label")
        labels: dict[Label, Rule] = Field(default_factory=dict, description="label -> how the boxes of it are read")
        cache: int = Field(default=256, ge=0, le=100_000, description="crops whose text is remembered, for as long as not a pixel changes")
        threads: int = Field(default=0, ge=0, le=64, description="crops of a picture that are read at a time; 0: as model.workers")
        max_failures: int = Field(default=20, ge=1, description="pictures in a row that the reader fails on, which stop the process")

        @model_validator(mode="after")
        def _reads(self) -> ReadText.Options:
            if not self.regions and not self.labels:
                raise ValueError("nothing is read: name regions, labels or both")
            return self

        @property
        def bundles(self) -> tuple[str, ...]:
            """Those it opens."""
            finds = any(rule.mode != "line" for rule in (*self.regions.values(), *self.labels.values()))
            return (self.reader, self.finder) if finds else (self.reader,)

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._tally = options, context.tally
        try:
            self._reader = context.open_reader(options.reader, options.bundles[1] if len(options.bundles) > 1 else None)
        except BundleError as error:
            raise ConfigError(f"read_text: {error}") from error
        self._regions = [self._place("regions", name, rule, "drop") for name, rule in options.regions.items()]
        self._labels = {name: self._place("labels", name, rule, "keep") for name, rule in options.labels.items()}
        self._known: OrderedDict[bytes, tuple[TextLine, ...]] = OrderedDict()
        self._failures = 0
        self._strange = False  # a text of the picture that is read is none of the words it could be
        threads = options.threads or max(1, context.workers)
        self._pool = ThreadPoolExecutor(threads, "read_text") if threads > 1 else None

    @property
    def fingerprint(self) -> Mapping[str, str]:
        return self._reader.fingerprint

    def _place(self, kind: str, name: str, rule: Rule, otherwise: Literal["keep", "drop"]) -> Place:
        try:
            allowed = self._reader.allowed(rule.language, rule.charset)
        except ConfigError as error:
            raise ConfigError(f"read_text: {kind}.{name}: {error}") from error
        return Place(name, rule, rule.fields(), allowed, (rule.unmatched or otherwise) == "keep")

    def __call__(self, scene: Scene) -> Scene:
        if scene.detections.status != "ok":
            return replace(scene, detections=with_text(scene.detections, [None] * len(scene.detections)))
        try:
            read = self._read(scene)
        except (HardwareError, BundleError) as error:
            return self._no_answer(scene, "error", error)
        except TimeoutError as error:
            return self._no_answer(scene, "timeout", error)
        self._failures = 0
        return read

    def _read(self, scene: Scene) -> Scene:
        found = scene.detections
        names = [scene.labels[number] if 0 <= number < len(scene.labels) else "" for number in found.class_id.tolist()]
        rows: list[Row | None] = [None] * len(found)
        kept, added = np.ones(len(found), bool), []
        self._strange = False
        cuts = list(self._cuts(scene, names, frozenset(names)))
        for cut, lines in zip(cuts, self._lines(scene.frame.camera, cuts), strict=True):
            texts = self._rows(scene.frame.camera, cut, lines)
            if cut.row is not None:
                kept[cut.row] = bool(texts) or cut.place.kept
            if cut.row is None or cut.place.rule.mode == "full":
                added += [(cut.place.name, text) for text in texts]
            elif texts:
                rows[cut.row] = texts[0]
        texted = with_text(found, rows)
        read = with_added(replace(scene, detections=texted if kept.all() else texted.pick(kept)), added)
        return doubted(read, UNREAD_TEXT) if self._strange else read

    def _cuts(self, scene: Scene, names: Sequence[str], shown: frozenset[str]) -> Iterator[Cut]:
        """Of the rows first, then of the regions."""
        planes, boxes = scene.frame.planes, scene.detections.xyxy
        around: list[tuple[int | None, Place, Box]] = [
            (row, place, grown(boxes[row].tolist(), place.rule.margin)) for row, place in self._to_read(names, shown)
        ]
        around += [(None, place, (0, 0, planes.width, planes.height)) for place in self._regions if _wanted(place.rule, shown)]
        for row, place, box in around:
            cut = area_in(place.rule.area, box, planes.width, planes.height)
            if cut is None:
                yield Cut(row, place)
                continue
            x1, y1, x2, y2 = cut
            yield Cut(row, place, (x1, y1), np.ascontiguousarray(planes.bgr()[y1:y2, x1:x2]))

    def _to_read(self, names: Sequence[str], shown: frozenset[str]) -> Iterator[tuple[int, Place]]:
        """The rows whose label has a rule; of each label not more than a picture can have in earnest."""
        done: Counter[str] = Counter()
        for number, name in enumerate(names):
            place = self._labels.get(name)
            if place and _wanted(place.rule, shown) and done[name] < MOST_ROWS:
                done[name] += 1
                yield number, place

    def _rows(self, camera: str, cut: Cut, lines: Sequence[TextLine]) -> list[Row]:
        """The texts there that are as expected, and the others too where those are kept. None was read: no rows."""
        if cut.crop is None:
            return []
        place, (x, y), (height, width) = cut.place, cut.corner, cut.crop.shape[:2]
        lines = tuple(line for line in lines if line.text and line.confidence >= place.rule.min_confidence)
        if place.rule.mode == "full":
            texts = [(line.text, line.confidence, line.box) for line in lines]
        else:
            texts = [(*joined(lines), (0.0, 0.0, float(width), float(height)))] if lines else []
        rows = []
        for text, confidence, box in texts:
            fields = place.fields.of(text)
            self._strange |= fields is None and bool(place.rule.vocabulary)
            if fields is None and not place.kept:
                self._tally.count(camera, "text", "not as expected")
                continue
            where = (box[0] + x, box[1] + y, box[2] + x, box[3] + y)
            rows.append(Row(where, text, confidence, (fields if place.fields.asks else None)))
        return rows

    def _lines(self, camera: str, cuts: Sequence[Cut]) -> list[tuple[TextLine, ...]]:
        """What is written in each; a crop that was seen before, to the last pixel, is not read again. Each is read by itself, so
        that several at a time read the same as one after the other."""
        keys = [b"" if cut.crop is None else key_of(cut.crop, cut.place.rule, cut.place.allowed) for cut in cuts]
        unread = {key: cut for key, cut in zip(keys, cuts, strict=True) if key and key not in self._known}
        for key in filter(None, keys):
            self._tally.count(camera, "text_crops", "read" if key in unread else "unchanged")
        several = self._pool.map if self._pool and len(unread) > 1 else map
        fresh = dict(zip(unread, several(self._written, unread.values()), strict=True))
        lines = [fresh[key] if key in fresh else self._known[key] if key else () for key in keys]
        for key in filter(None, keys):
            self._known[key] = fresh[key] if key in fresh else self._known[key]
            self._known.move_to_end(key)
        while len(self._known) > self._options.cache:
            self._known.popitem(last=False)
        return lines

    def _written(self, cut: Cut) -> tuple[TextLine, ...]:
        if cut.crop is None:
            return ()
        place = cut.place
        if place.rule.mode == "line":
            return (self._reader.line(cut.crop, place.allowed),)
        return self._reader.lines(cut.crop, place.allowed, place.rule.min_confidence)

    def _no_answer(self, scene: Scene, status: Status, error: Exception) -> Scene:
        """No answer is never "nothing there": what has no text is not known at all."""
        self._failures += 1
        self._tally.count(scene.frame.camera, "no_answer", status)
        if self._failures == 1:  # a reader that fails on every picture is counted, not logged thirty times a second
            log.error("text was not read", extra={"camera": scene.frame.camera, "error": str(error)})
        if self._failures >= self._options.max_failures:
            raise HardwareError(
                f"read_text: {self._options.reader} gave no answer to {self._failures} pictures in a row: {error}; run `vedette doctor`"
            ) from error
        return replace(scene, detections=with_text(Detections.none(status), []))


def _wanted(rule: Rule, shown: frozenset[str]) -> bool:
    return rule.when is None or not shown.isdisjoint(rule.when)
