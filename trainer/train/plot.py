"""Plot: lines over epochs as SVG that stands in a page by itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 130, 12, 26
COLOURS = ("#2563c9", "#c2410c", "#15803d", "#9333ea", "#0e7490", "#a16207", "#be185d", "#475569")


def lines(series: Sequence[tuple[str, Points]], most: float | None = None) -> str:
    """Name and points of each line; `most` fixes the top, which else is the largest value. What is not there is not drawn."""
    drawn = [(name, points) for name, points in series if points]
    if not drawn:
        return '<p class="none">none</p>'
    last = max(x for _, points in drawn for x, _ in points)
    first = min(x for _, points in drawn for x, _ in points)
    top = most if most is not None else max([1e-9, *(y for _, points in drawn for _, y in points)])

    def place(x: float, y: float) -> str:
        across = (x - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)
        down = (1 - min(max(y / top, 0.0), 1.0)) * (HEIGHT - TOP - BOTTOM)
        return f"{LEFT + across:.1f},{TOP + down:.1f}"

    parts = [_grid(top, first, last)]
    for number, (name, points) in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in points)
        x, y = place(points[-1][0], points[-1][1]).split(",")
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"><title>{escape(name)}</title></polyline>')
        parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
        label = f"{name[:16]} {points[-1][1]:.3g}"
        parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 12 + number * 17}" style="fill:{colour}">{escape(label)}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {max(HEIGHT, TOP + 17 * len(drawn) + 8)}" width="{WIDTH}" role="img">{"".join(parts)}</svg>'


def _grid(top: float, first: float, last: float) -> str:
    parts = []
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = TOP + (1 - part) * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * part:.3g}</text>')
    for x, value, anchor in ((LEFT, first, "start"), (WIDTH - RIGHT, last, "end")):
        parts.append(f'<text class="tick" x="{x}" y="{HEIGHT - 8}" text-anchor="{anchor}">epoch {value:g}</text>')
    return "".join(parts)
