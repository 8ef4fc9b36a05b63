"""Curves: drawn here as SVG, so that they need no script and no network, and are the same in a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 220, 48, 22, 8, 8
MOST_POINTS = 400
TICKS = 4
LARGEST = 1e100  # also of a whole number, which no float may hold
Points = Sequence[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: str  # of a polyline
    last: float


@dataclass(frozen=True, slots=True)
class Tick:
    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    title: str
    lines: list[Line]
    rows: list[Tick]
    columns: list[Tick]


def curve(title: str, series: dict[str, Points]) -> Curve | None:
    """None where there is nothing to draw. What is no number, or none of this world, is left out."""
    kept = {name: _finite(points) for name, points in series.items()}
    kept = {name: points for name, points in kept.items() if points}
    if not kept:
        return None
    xs = [x for points in kept.values() for x, _ in points]
    ys = [y for points in kept.values() for _, y in points]
    low_x, high_x, (low, high) = min(xs), max(xs), _range(min(ys), max(ys))

    def across(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((x - low_x) / (high_x - low_x) if high_x > low_x else 0.5)

    def down(y: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (y - low) / (high - low))

    lines = [
        Line(name, " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in thinned(points)), points[-1][1]) for name, points in kept.items()
    ]
    rows = [Tick(down(value), f"{value:.3g}") for n in range(TICKS + 1) for value in [low + (high - low) * n / TICKS]]
    columns = [Tick(across(value), f"{value:g}") for value in sorted({low_x, round((low_x + high_x) / 2), high_x})]
    return Curve(title, lines, rows, columns)


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of more than can be seen the least and the largest of each stretch, and both ends."""
    if len(points) <= MOST_POINTS:
        return points
    stretch = -(-len(points) // (MOST_POINTS // 2))
    found = [points[0]]
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        found += sorted({min(part, key=_height), max(part, key=_height)})
    return [*found, points[-1]]


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _finite(points: Points) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points if y is not None and abs(x) <= LARGEST and abs(y) <= LARGEST]


def _range(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return low, high
    beside = abs(low) / 2 or 0.5
    return low - beside, high + beside
