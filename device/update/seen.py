"""Seen: what a model showed on live frames, as small histograms that add up: latency, boxes a frame, confidence by class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from contracts.wire import Wire
from vision.types import Detections

TENTHS = 10
STEP = 1.1  # from one bin of latency to the next
LEAST_MS = 0.1
BINS = 165  # to 11 minutes


class Kept(Wire):
    """As it is written down."""

    frames: int = Field(default=0, ge=0)
    unanswered: int = Field(default=0, ge=0)
    latency: dict[int, int] = Field(default_factory=dict, description="looks by bin of time")
    boxes: dict[str, list[int]] = Field(default_factory=dict, description="of each class, by tenths of confidence")


@dataclass
class Seen:
    """Not thread-safe: its owner has a lock."""

    frames: int = 0
    unanswered: int = 0
    latency: Counter[int] = field(default_factory=Counter)
    boxes: dict[str, list[int]] = field(default_factory=dict)

    def add(self, found: Detections, labels: Sequence[str], took_ns: int) -> None:
        """One look; without an answer it says nothing of what is there."""
        self.frames += 1
        self.latency[_bin(took_ns / 1e6)] += 1
        if found.status != "ok":
            self.unanswered += 1
            return
        for class_id, confidence in zip(found.class_id.tolist(), found.confidence.tolist(), strict=True):
            tenths = self.boxes.setdefault(labels[class_id], [0] * TENTHS)
            tenths[min(TENTHS - 1, int(confidence * TENTHS))] += 1

    def merge(self, other: Seen) -> None:
        self.frames += other.frames
        self.unanswered += other.unanswered
        self.latency.update(other.latency)
        for label, tenths in other.boxes.items():
            mine = self.boxes.setdefault(label, [0] * TENTHS)
            self.boxes[label] = [a + b for a, b in zip(mine, tenths, strict=True)]

    def halve(self) -> None:
        """What is older counts less."""
        self.frames, self.unanswered = self.frames // 2, self.unanswered // 2
        self.latency = Counter({number: count // 2 for number, count in self.latency.items() if count > 1})
        self.boxes = {label: [count // 2 for count in tenths] for label, tenths in self.boxes.items()}

    @property
    def answered(self) -> int:
        return self.frames - self.unanswered

    @property
    def found(self) -> int:
        return sum(sum(tenths) for tenths in self.boxes.values())

    @property
    def per_frame(self) -> float:
        return self.found / self.answered if self.answered else 0.0

    @property
    def p95_ms(self) -> float:
        """The upper edge of the bin in which it lies: within a tenth."""
        wanted, so_far = math.ceil(0.95 * sum(self.latency.values())), 0
        for number in sorted(self.latency):
            so_far += self.latency[number]
            if so_far >= wanted:
                return float(LEAST_MS * STEP ** (number + 1))
        return 0.0

    def kept(self) -> Kept:
        return Kept(frames=self.frames, unanswered=self.unanswered, latency=dict(self.latency), boxes=self.boxes)

    @staticmethod
    def of(kept: Kept) -> Seen:
        boxes = {label: tenths for label, tenths in kept.boxes.items() if len(tenths) == TENTHS}
        return Seen(kept.frames, kept.unanswered, Counter(kept.latency), boxes)


def distance(a: Mapping[Any, int], b: Mapping[Any, int]) -> float:
    """Between two histograms as shares: 0 the same, 1 nothing in common."""
    all_a, all_b = sum(a.values()), sum(b.values())
    if not all_a or not all_b:
        return 0.0
    return sum(abs(a.get(key, 0) / all_a - b.get(key, 0) / all_b) for key in {*a, *b}) / 2


def by_class(seen: Seen) -> dict[str, int]:
    return {label: sum(tenths) for label, tenths in seen.boxes.items()}


def by_confidence(seen: Seen) -> dict[int, int]:
    return {tenth: sum(tenths[tenth] for tenths in seen.boxes.values()) for tenth in range(TENTHS)}


def _bin(ms: float) -> int:
    return max(0, min(BINS, int(math.log(max(ms, LEAST_MS) / LEAST_MS, STEP))))
