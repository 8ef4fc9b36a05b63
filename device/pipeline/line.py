"""Line: a named stretch of a camera's picture that things are counted across, in fractions of its width and height."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from device.pipeline.strict import Strict
from device.pipeline.zone import Point


def two_ends(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points, if they are two different ones inside the picture. Else ValueError."""
    if len(points) != 2:
        raise ValueError(f"a line has 2 ends, not {len(points)}; name both, and draw a bent one as several lines")
    outside = next((point for point in points if not all(0 <= c <= 1 for c in point)), None)
    if outside:
        raise ValueError(f"the point {list(outside)} is outside the picture; write x and y as fractions from 0 to 1")
    if points[0] == points[1]:
        raise ValueError("both ends are the same point; draw them apart")
    return points


Ends = Annotated[tuple[Point, ...], AfterValidator(two_ends)]


class Line(Strict):
    """Where it is, who counts, and how far beyond it somebody must be. Looking from the first end to the second, `in` is from the
    left to the right; the ends swapped turn it around.
    """

    points: Ends = Field(description="both ends [x, y] in 0..1 of the picture; `in` is from the left to the right of first to second")
    labels: tuple[str, ...] | None = Field(default=None, description="only these classes; null: all")
    anchor: Literal["bottom", "center"] = Field(default="bottom", description="the point of a box that must cross")
    margin: float = Field(default=0.01, ge=0, le=0.5, description="so far beyond it counts as crossed, in heights of the picture")
