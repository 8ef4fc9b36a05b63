"""Zone: a named polygon of a camera's picture, in fractions of its width and height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from device.pipeline.strict import Strict

Point = tuple[float, float]


def simple_polygon(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points, if they bound one area: three or more, inside the picture, no edge crossing another. Else ValueError."""
    if len(points) < 3:
        raise ValueError(f"a polygon needs at least 3 points, not {len(points)}; add the corners that are missing")
    outside = next((point for point in points if not all(0 <= c <= 1 for c in point)), None)
    if outside:
        raise ValueError(f"the point {list(outside)} is outside the picture; write x and y as fractions from 0 to 1")
    edges = list(zip(points, (*points[1:], points[0]), strict=True))
    for i, first in enumerate(edges):
        for j in range(i + 1, len(edges)):
            neighbours = j == i + 1 or (i == 0 and j == len(edges) - 1)
            if _overlap(first, edges[j]) if neighbours else _meet(first, edges[j]):
                raise ValueError(f"edges {i + 1} and {j + 1} cross or overlap; name the corners in the order of a walk around the area")
    return points


Polygon = Annotated[tuple[Point, ...], AfterValidator(simple_polygon)]


class Zone(Strict):
    """Where it is and who counts as being in it."""

    points: Polygon = Field(description="corners [x, y] in 0..1 of the picture, in order")
    labels: tuple[str, ...] | None = Field(default=None, description="only these classes; null: all")
    anchor: Literal["bottom", "center"] = Field(default="bottom", description="the point of a box that must be inside")
    inertia: int = Field(default=3, ge=1, le=100, description="looks in a row inside before it counts as entered")


def inside(points: Sequence[Point], xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of `xy` (N, 2) are in the polygon, by the even-odd rule; a point on an edge falls to one side, always the same."""
    corners = np.asarray(points, np.float64)
    x1, y1 = corners.T[:, :, None]
    x2, y2 = np.roll(corners, -1, axis=0).T[:, :, None]
    x, y = xy[:, 0], xy[:, 1]
    spans = (y1 > y) != (y2 > y)
    at = x1 + (y - y1) * (x2 - x1) / np.where(y1 == y2, 1.0, y2 - y1)
    crossed: NDArray[np.bool_] = (np.count_nonzero(spans & (x < at), axis=0) % 2).astype(bool)
    return crossed


def _side(a: Point, b: Point, c: Point) -> int:
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (cross > 1e-12) - (cross < -1e-12)


def _within(a: Point, b: Point, c: Point) -> bool:
    """`c`, known to be on the line of a and b, is between them."""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _meet(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Two edges have a point in common."""
    (a, b), (c, d) = one, other
    sides = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if sides[0] != sides[1] and sides[2] != sides[3]:
        return True
    touching = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0 and _within(*three) for side, three in zip(sides, touching, strict=True))


def _overlap(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Two neighbouring edges share more than their corner: the walk turns back on itself, or a corner is named twice."""
    shared = one[1] if one[1] == other[0] else one[0]
    ends = [point for point in (*one, *other) if point != shared]
    if len(ends) < 2:
        return True
    back = (ends[0][0] - shared[0]) * (ends[1][0] - shared[0]) + (ends[0][1] - shared[1]) * (ends[1][1] - shared[1])
    return _side(ends[0], shared, ends[1]) == 0 and back > 0
