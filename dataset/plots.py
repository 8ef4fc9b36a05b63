"""Plots as SVG that stands in a page by itself: bars, histograms, a heat map. Colours are the page's, so dark and light both work."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Row = tuple[str, float, str]  # name, value, what stands behind the bar
WIDTH = 640
BAR, GAP, NAMES, VALUES = 20, 6, 170, 150


def bars(rows: Sequence[Row], width: int = WIDTH) -> str:
    """Horizontal bars, the longest as long as there is room."""
    if not rows:
        return '<p class="none">none</p>'
    most = max(value for _, value, _ in rows) or 1
    room = width - NAMES - VALUES
    parts = []
    for index, (name, value, words) in enumerate(rows):
        y = index * (BAR + GAP)
        length = max(value / most * room, 1.5 if value else 0)
        parts.append(
            f'<text x="{NAMES - 8}" y="{y + 15}" text-anchor="end">{escape(_short(name))}<title>{escape(name)}</title></text>'
            f'<rect x="{NAMES}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3"/>'
            f'<text class="value" x="{NAMES + length + 6:.1f}" y="{y + 15}">{escape(words)}</text>'
        )
    height = len(rows) * (BAR + GAP)
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">{"".join(parts)}</svg>'


def _short(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def histogram(rows: Sequence[tuple[str, int]], what: str, width: int = WIDTH, height: int = 180) -> str:
    """Upright bars side by side; a name below every so many."""
    if not rows:
        return '<p class="none">none</p>'
    most, step = max(count for _, count in rows) or 1, (width - 20) / len(rows)
    every = max(1, round(len(rows) / 10))
    parts = [f'<line class="axis" x1="10" x2="{width - 10}" y1="{height - 22}" y2="{height - 22}"/>']
    for index, (name, count) in enumerate(rows):
        x, tall = 10 + index * step, count / most * (height - 40)
        parts.append(
            f'<rect x="{x + 0.5:.1f}" y="{height - 22 - tall:.1f}" width="{max(step - 1.5, 0.5):.1f}" height="{tall:.1f}" rx="1.5">'
            f"<title>{escape(name)}: {count}</title></rect>"
        )
        if index % every == 0:
            parts.append(f'<text class="tick" x="{x + step / 2:.1f}" y="{height - 6}" text-anchor="middle">{escape(name)}</text>')
    label = f'<text class="value" x="{width - 10}" y="12" text-anchor="end">{escape(what)}, most {most}</text>'
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">{"".join(parts)}{label}</svg>'


def heat(grid: Sequence[Sequence[int]], width: int = 420) -> str:
    """Where the middles of boxes are in the picture: the more, the stronger. The picture's shape is drawn as 16:9."""
    rows, columns = len(grid), len(grid[0])
    most = max(max(row) for row in grid)
    cell_x, cell_y = width / columns, width * 9 / 16 / rows
    parts = [f'<rect class="ground" width="{width}" height="{width * 9 / 16:.0f}" rx="4"/>']
    for y, row in enumerate(grid):
        for x, count in enumerate(row):
            if count:
                strength = 0.12 + 0.88 * (count / most) ** 0.5
                parts.append(
                    f'<rect x="{x * cell_x:.2f}" y="{y * cell_y:.2f}" width="{cell_x + 0.3:.2f}" height="{cell_y + 0.3:.2f}" '
                    f'opacity="{strength:.2f}"><title>{count}</title></rect>'
                )
    return f'<svg class="heat" viewBox="0 0 {width} {width * 9 / 16:.0f}" width="{width}" role="img">{"".join(parts)}</svg>'
