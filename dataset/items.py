"""Neutral values: what every format is read into and written from, one item at a time, so that a million need no more memory than one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dataset.findings import Findings

Box = tuple[float, float, float, float]  # x, y of the upper left corner, width, height; pixels, 0 is the picture's edge
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Category:
    """A class and the number it is pinned to, from 1; formats that count from 0 take one less."""

    name: str
    number: int
    supercategory: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """One thing in one picture. The box may reach beyond the picture; a format that cannot say that cuts it."""

    box: Box
    category: str
    confidence: float | None = None  # None: nobody measured it
    source: str = ""  # who said so: detector, template, person, click, ...
    verified: bool = False  # by a person
    point: tuple[float, float] | None = None  # where a person clicked; the box was derived from it
    track: int | None = None  # the same thing in other frames of the sequence
    crowd: bool = False  # the box is around many of them
    difficult: bool = False
    truncated: bool = False
    occluded: bool = False
    observation: str = ""  # id of the look at the picture that this label came from
    attributes: Mapping[str, Value] = field(default_factory=dict)
    number: int | None = None  # the integer id a format gave it


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a picture comes from, and why it was kept."""

    camera: str = ""
    session: str = ""
    event: str = ""
    source: str = ""  # file or stream
    wall_ns: int | None = None
    reason: str = ""  # why it was kept
    probability: float | None = None  # with which it was kept
    device: str = ""  # id of the box it was fetched from


@dataclass(frozen=True, slots=True)
class Item:
    """One picture and all that is known of it."""

    id: str
    file: str  # relative name with /
    width: int
    height: int
    labels: tuple[Label, ...] = ()
    path: Path | None = None  # where the picture lies; None: it does not come with the labels
    split: str = ""  # train, val, test
    ignore: tuple[Box, ...] = ()  # regions of which nothing is known
    exhaustive_for: tuple[str, ...] | None = None  # classes of which everything was labelled; None: the source does not say
    attributes: Mapping[str, Value] = field(default_factory=dict)
    sequence: str = ""  # which video
    frame: int | None = None  # index in it, from 0
    origin: Origin = Origin()
    sha256: str = ""  # of the picture's file
    phash: int | None = None  # perceptual hash, 64 bits
    near: tuple[str, ...] = ()  # ids of near-duplicates
    number: int | None = None  # the integer id a format gave it


class Reader(Protocol):
    """Items in a fixed order. What could not be read is in `findings`, and the others come all the same."""

    findings: Findings

    @property
    def categories(self) -> Sequence[Category]:
        """As the source pins them; complete when every item was read."""

    @property
    def total(self) -> int | None:
        """How many items there will be, where that is known; for progress only."""

    def __iter__(self) -> Iterator[Item]: ...

    def close(self) -> None: ...


class Writer(Protocol):
    """Nothing is at its final name before `close`; a writer that is abandoned leaves no half data set behind."""

    def write(self, item: Item) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None: ...
