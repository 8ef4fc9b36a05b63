"""ReadText: what is written in boxes and regions of the picture, and the fields that are made of it."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from contracts.errors import BundleError, ConfigError, HardwareError
from device.pipeline.context import Context
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
        found, planes = scene.detections, scene.frame.planes
        names = [scene.labels[number] if 0 <= number < len(scene.labels) else "" for number in found.class_id.tolist()]
        shown = frozenset(names)
        rows: list[Row | None] = [None] * len(found)
        kept, added = np.ones(len(found), bool), []
        for number, place in self._to_read(names, shown):
            texts = self._in_area(scene, place, grown(found.xyxy[number].tolist(), place.rule.margin))
            kept[number] = bool(texts) or place.kept
            if place.rule.mode == "full":
                added += [(place.name, text) for text in texts]
            elif texts:
                rows[number] = texts[0]
        for place in self._regions:
            if _wanted(place.rule, shown):
                added += [(place.name, text) for text in self._in_area(scene, place, (0, 0, planes.width, planes.height))]
        texted = with_text(found, rows)
        return with_added(replace(scene, detections=texted if kept.all() else texted.pick(kept)), added)

    def _to_read(self, names: Sequence[str], shown: frozenset[str]) -> Iterator[tuple[int, Place]]:
        """The rows whose label has a rule; of each label not more than a picture can have in earnest."""
        done: Counter[str] = Counter()
        for number, name in enumerate(names):
            place = self._labels.get(name)
            if place and _wanted(place.rule, shown) and done[name] < MOST_ROWS:
                done[name] += 1
                yield number, place

    def _in_area(self, scene: Scene, place: Place, around: Box) -> list[Row]:
        """The texts there that are as expected, and the others too where those are kept. None was read: no rows."""
        cut = area_in(place.rule.area, around, scene.frame.planes.width, scene.frame.planes.height)
        if cut is None:
            return []
        x1, y1, x2, y2 = cut
        lines = self._lines(scene.frame.camera, place, np.ascontiguousarray(scene.frame.planes.bgr()[y1:y2, x1:x2]))
        lines = tuple(line for line in lines if line.text and line.confidence >= place.rule.min_confidence)
        if place.rule.mode == "full":
            texts = [(line.text, line.confidence, line.box) for line in lines]
        else:
            texts = [(*joined(lines), (0.0, 0.0, float(x2 - x1), float(y2 - y1)))] if lines else []
        rows = []
        for text, confidence, box in texts:
            fields = place.fields.of(text)
            if fields is None and not place.kept:
                self._tally.count(scene.frame.camera, "text", "not as expected")
                continue
            where = (box[0] + x1, box[1] + y1, box[2] + x1, box[3] + y1)
            rows.append(Row(where, text, confidence, (fields if place.fields.asks else None)))
        return rows

    def _lines(self, camera: str, place: Place, crop: Image) -> tuple[TextLine, ...]:
        """What is written in a crop; one that was seen before, to the last pixel, is not read again."""
        key = key_of(crop, place.rule, place.allowed)
        known = self._known.get(key) if self._options.cache else None
        self._tally.count(camera, "text_crops", "read" if known is None else "unchanged")
        if known is not None:
            self._known.move_to_end(key)
            return known
        if place.rule.mode == "line":
            lines: tuple[TextLine, ...] = (self._reader.line(crop, place.allowed),)
        else:
            lines = self._reader.lines(crop, place.allowed, place.rule.min_confidence)
        self._known[key] = lines
        while len(self._known) > self._options.cache:
            self._known.popitem(last=False)
        return lines

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
