"""Drift: what a model and a camera showed within one hour, as small histograms that add up; a box sends each hour when it is over."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.dsse import DIGEST
from contracts.wire import Utc, Wire

SCORES, SIZES, COUNTS, LEVELS, VALUES = 20, 12, 10, 16, 40
AT_LEAST = (0, 1, 2, 3, 4, 5, 7, 10, 15, 25)  # boxes in a picture from which on each bin of `counts` begins
MOST_CLASSES = 12  # of a window on the wire, those with the most boxes
MOST_WINDOWS = 4  # of a message
MOST_PARTS = 4  # messages of an hour
MOST_BYTES = 32 * 1024  # of a message with its envelope
LARGEST = 1 << 40

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Histogram = list[Count]
Value = Annotated[float, Field(ge=-1e6, le=1e6)]


class DriftClass(Wire):
    """The boxes of one class."""

    scores: Histogram = Field(min_length=SCORES, max_length=SCORES, description="by twentieths of confidence")
    sizes: Histogram = Field(
        min_length=SIZES, max_length=SIZES, description="by the root of their share of the picture: from 1/64 up, sqrt(2) a bin"
    )
    counts: Histogram = Field(
        min_length=COUNTS, max_length=COUNTS, description="pictures by how many were in them: 0, 1, 2, 3, 4, 5+, 7+, 10+, 15+, 25+"
    )


class DriftPictures(Wire):
    """What pictures looked like, of one every few seconds."""

    count: Count = 0
    brightness: Histogram = Field(min_length=LEVELS, max_length=LEVELS, description="pictures by mean luma, 16 levels a bin")
    sharpness: Histogram = Field(min_length=LEVELS, max_length=LEVELS, description="by log2(1 + variance of the Laplacian of the luma)")
    mean: list[Value] = Field(
        min_length=VALUES, max_length=VALUES, description="of 16 cells' luma, 16 cells' edges, and two colours of 4 cells"
    )
    variance: list[Value] = Field(min_length=VALUES, max_length=VALUES, description="of the same")


class DriftWindow(Wire):
    """One camera under one model within one hour."""

    camera: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")
    model: str = Field(pattern=DIGEST)
    frames: Count = Field(description="pictures that were looked at")
    unanswered: Count = Field(default=0, description="those to which the model had no answer")
    counts: Histogram = Field(min_length=COUNTS, max_length=COUNTS, description="answered pictures by boxes of all classes")
    classes: dict[Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$")], DriftClass] = Field(default_factory=dict)
    left_out: Count = Field(default=0, description="boxes of further classes, which are not told one by one")
    pictures: DriftPictures | None = Field(default=None, description="null: none was looked at")

    @model_validator(mode="after")
    def _adds_up(self) -> "DriftWindow":
        answered = self.frames - self.unanswered
        if answered < 0 or sum(self.counts) != answered:
            raise ValueError("counts are one for each answered picture")
        if any(sum(each.counts) != answered for each in self.classes.values()):
            raise ValueError("counts of a class are one for each answered picture")
        return self

    @property
    def answered(self) -> int:
        return self.frames - self.unanswered


class DriftHour(Wire):
    """`up/drift/<hour of the day>-<part>`: an hour that is over. Sent again with each connection for a day; the fuller one counts."""

    v: Literal[1] = 1
    start: Utc = Field(description="of the hour")
    part: int = Field(default=0, ge=0, lt=MOST_PARTS)
    windows: list[DriftWindow] = Field(max_length=MOST_WINDOWS)

    @property
    def slot(self) -> str:
        """Under which it stands: a day later the next takes its place."""
        return f"{self.start.hour:02}-{self.part}"


class DriftNow(Wire):
    """What the box's own page shows: the hour that goes on, and the last 24 hours together."""

    hour: list[DriftWindow] = Field(default_factory=list)
    day: list[DriftWindow] = Field(default_factory=list)
    dated: bool = Field(default=True, description="whether the clock is known: without it nothing is sent")
