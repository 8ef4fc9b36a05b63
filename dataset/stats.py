"""Stats: what is in a data set, gathered in one pass; memory grows with classes and days, not with pictures."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from zlib import crc32

from contracts.wire import utc_from_ns
from dataset.convert import Tick
from dataset.diff import iou
from dataset.items import Category, Item, Label, Reader
from dataset.near import NearSearch

COLUMNS, ROWS = 32, 18  # cells of the heat map of positions
CONFLICT_IOU = 0.6  # boxes of two classes that overlap so much say different things of one place
SAMPLES = 12  # pictures of each kind that the report shows
MOST_COMPARED = 400  # labels of one picture that are compared with each other
MOST_KEYS = 2000  # cameras, days, sources, sizes counted by name; the rest together
SIZES = ("tiny, under 8 px", "small, under 32 px", "medium, under 96 px", "large")


@dataclass(slots=True)
class ClassStats:
    labels: int = 0
    images: int = 0
    verified: int = 0
    sizes: list[int] = field(default_factory=lambda: [0] * len(SIZES))

    def document(self) -> dict[str, object]:
        sizes = dict(zip(SIZES, self.sizes, strict=True))
        return {"labels": self.labels, "images": self.images, "verified": self.verified, "sizes": sizes}


@dataclass(slots=True)
class Stats:
    """`samples` are items by kind, few of each, chosen by their ids so that the same set shows the same."""

    categories: Sequence[Category] = ()
    items: int = 0
    labels: int = 0
    unlabelled: int = 0
    background: int = 0  # without labels, and said to be searched for at least one class
    pictures: int = 0  # that are there
    beyond: int = 0  # boxes beyond the edge
    ignored: int = 0  # regions
    clicks: int = 0
    same_file: int = 0
    near: int = 0
    conflicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreeing: int = 0  # pictures of which two observations say different things
    classes: dict[str, ClassStats] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)  # sources, splits, cameras, days, picture sizes, sequences
    sides: Counter[int] = field(default_factory=Counter)  # log2 of the square root of the area, in quarters
    aspects: Counter[int] = field(default_factory=Counter)  # log2 of width / height, in quarters
    per_image: Counter[int] = field(default_factory=Counter)
    confidence: Counter[int] = field(default_factory=Counter)  # in twentieths
    heat: list[list[int]] = field(default_factory=lambda: [[0] * COLUMNS for _ in range(ROWS)])
    samples: dict[str, list[tuple[int, str, Item]]] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        self.items += 1
        self.labels += len(item.labels)
        self.pictures += item.path is not None
        self.ignored += len(item.ignore)
        self.per_image[min(len(item.labels), 100)] += 1
        if not item.labels:
            self.unlabelled += 1
            self.background += bool(item.exhaustive_for)
            self.sample("without labels", item)
        day = f"{utc_from_ns(item.origin.wall_ns):%Y-%m-%d}" if item.origin.wall_ns is not None else ""
        named = {"split": item.split, "camera": item.origin.camera, "day": day, "why kept": item.origin.reason}
        for kind, name in (*named.items(), ("picture size", f"{item.width}x{item.height}")):
            self.count(kind, name)
        for name in {label.category for label in item.labels}:
            self.classes.setdefault(name, ClassStats()).images += 1
            self.sample(f"class {name}", item)
        for label in item.labels:
            self._label(item, label)
        self._conflicts(item)

    def _label(self, item: Item, label: Label) -> None:
        x, y, width, height = label.box
        found = self.classes[label.category]
        found.labels += 1
        found.verified += label.verified
        side = math.sqrt(width * height)
        found.sizes[(side >= 8) + (side >= 32) + (side >= 96)] += 1
        self.sides[round(4 * math.log2(side))] += 1
        self.aspects[max(-16, min(16, round(4 * math.log2(width / height))))] += 1
        self.count("source", label.source)
        self.clicks += label.point is not None
        self.beyond += x < 0 or y < 0 or x + width > item.width or y + height > item.height
        if label.confidence is not None:
            self.confidence[min(int(label.confidence * 20), 19)] += 1
        column, row = int((x + width / 2) / item.width * COLUMNS), int((y + height / 2) / item.height * ROWS)
        self.heat[min(max(row, 0), ROWS - 1)][min(max(column, 0), COLUMNS - 1)] += 1

    def _conflicts(self, item: Item) -> None:
        disagree = False
        for a, b in combinations(item.labels[:MOST_COMPARED], 2):
            if a.category == b.category or iou(a.box, b.box) < CONFLICT_IOU:
                continue
            one, other = sorted((a.category, b.category))
            self.conflicts[one, other] += 1
            disagree |= bool(a.observation and b.observation and a.observation != b.observation)
            self.sample("conflicts", item)
        self.disagreeing += disagree

    def count(self, kind: str, name: str) -> None:
        names = self.counts.setdefault(kind, Counter())
        names[name if name in names or len(names) < MOST_KEYS else "..."] += 1

    def sample(self, kind: str, item: Item) -> None:
        """Those with the highest checksum of their ids: as good as chance, and the same each time."""
        if item.path is None or (kind not in self.samples and len(self.samples) > MOST_KEYS):
            return
        chosen = self.samples.setdefault(kind, [])
        entry = (crc32(item.id.encode()), item.id, item)
        if len(chosen) < SAMPLES:
            heapq.heappush(chosen, entry)
        elif entry[:2] > chosen[0][:2]:
            heapq.heapreplace(chosen, entry)

    @property
    def unused(self) -> list[str]:
        return [each.name for each in self.categories if each.name not in self.classes]

    @property
    def verified(self) -> int:
        return sum(each.verified for each in self.classes.values())

    def document(self) -> dict[str, object]:
        """For --json."""
        classes = {name: each.document() for name, each in sorted(self.classes.items())}
        duplicates = {"same_file": self.same_file, "near": self.near}
        conflicts = {f"{a} / {b}": count for (a, b), count in self.conflicts.most_common()}
        totals = ("items", "labels", "verified", "unlabelled", "background", "pictures", "beyond", "ignored", "clicks", "disagreeing")
        return {name: getattr(self, name) for name in totals} | {
            "classes": classes,
            "classes_without_labels": self.unused,
            "duplicates": duplicates,
            "conflicts": conflicts,
            "labels_per_image": {str(n): count for n, count in sorted(self.per_image.items())},
            **{f"by_{kind.replace(' ', '_')}": dict(names.most_common()) for kind, names in self.counts.items()},
        }


def gather(reader: Reader, look: bool, tick: Tick) -> Stats:
    """`look`: open pictures for hashes that the set does not know, to find duplicates."""
    stats, search = Stats(), NearSearch(look)
    try:
        for number, item in enumerate(reader):
            stats.add(item)
            if search.same(number, item) is not None:
                stats.same_file += 1
                stats.sample("same file twice", item)
            elif item.near or search.nearest(number, item) is not None:
                stats.near += 1
                stats.sample("near-duplicates", item)
            tick(number + 1)
    finally:
        search.close()
    stats.categories = reader.categories
    return stats
