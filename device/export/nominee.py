"""Nominee: a picture that waits for the end of its day, with all that is said of it, as it lies beside it on the disk."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.dataset import Bbox, Name, Region
from contracts.wire import Utc, Wire
from dataset.about import About
from dataset.marks import Mark


class SaidMark(Wire):
    category: Name
    bbox: Bbox
    confidence: float = Field(ge=0, le=1)
    source: Name
    track: int | None = None


class Nominee(Wire):
    """`weight` / `lot` is its rank of the day. `others`: probability that another rule keeps it; `sure`: one that did, empty: none."""

    v: Literal[1] = 1
    day: int = Field(ge=0, description="of capture, days since 1970, UTC")
    lot: float = Field(gt=0, le=1, description="its own number, of what and when it is: the same in every run")
    weight: float = Field(gt=0, description="how much it is worth a person's look")
    others: float = Field(ge=0, le=1)
    sure: str = Field(max_length=64)
    reason: str = Field(max_length=64)
    timestamp: Utc
    source: str = Field(max_length=128)
    states: list[Name]
    session: str = Field(max_length=128, pattern=r"^[^/\\\x00]*$")
    pts_ns: int
    model: str | None = None
    marks: list[SaidMark]
    ignore: list[Region]

    @property
    def rank(self) -> float:
        return self.weight / self.lot

    def probability(self, threshold: float) -> float:
        """That any rule keeps it, when those above the threshold were the day's best: priority sampling, given all others' lots."""
        best = min(1.0, self.weight / threshold) if threshold > 0 else 1.0
        return 1 - (1 - best) * (1 - self.others)

    def about(self, reason: str, probability: float) -> About:
        return About(
            timestamp=self.timestamp,
            source=self.source,
            active_states=tuple(self.states),
            success=True,
            ignore=tuple(self.ignore),
            reason=reason,
            sampling_probability=probability,
            session=self.session,
            pts_ns=self.pts_ns,
            model=self.model,
        )

    def labels(self) -> list[Mark]:
        return [Mark(each.category, each.bbox, each.confidence, each.source, track=each.track) for each in self.marks]


def said_marks(marks: list[Mark]) -> list[SaidMark]:
    return [
        SaidMark(category=each.category, bbox=each.bbox, confidence=each.confidence, source=each.source, track=each.track) for each in marks
    ]
