"""Report: what stats found as one HTML file that needs nothing else: plots as SVG, sample pictures inside, dark and light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from dataset.plots import Row, bars, heat, histogram
from dataset.report_style import STYLE
from dataset.samples import figure
from dataset.stats import SIZES, Stats

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
MOST_ROWS = 40
CLASSES_SHOWN = 24  # with pictures of their own


def report(stats: Stats, title: str) -> str:
    """Everything that comes from the set is escaped."""
    sections = (
        _classes(stats),
        _boxes(stats),
        _where_from(stats),
        _doubts(stats),
        _pictures(stats),
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n'
        f"<body><header><h1>{escape(title)}</h1>{_tiles(stats)}</header>\n<main>{''.join(sections)}</main></body></html>\n"
    )


def _tiles(stats: Stats) -> str:
    doubtful = sum(stats.conflicts.values())
    tiles = (
        (_grouped(stats.items), "pictures", ""),
        (_grouped(stats.labels), "labels", ""),
        (_grouped(len(stats.classes)), "classes", f"{len(stats.unused)} more without labels" if stats.unused else ""),
        (f"{stats.labels / stats.items:.1f}" if stats.items else "0", "labels a picture", ""),
        (_share(stats.verified, stats.labels), "verified by a person", ""),
        (_share(stats.unlabelled, stats.items), "without labels", f"{_grouped(stats.background)} said to be background"),
        (_share(stats.near + stats.same_file, stats.items), "duplicates", f"{_grouped(stats.same_file)} the same file"),
        (_grouped(doubtful), "label conflicts", f"two looks disagree in {_grouped(stats.disagreeing)}" if stats.disagreeing else ""),
    )
    cells = (f"<div><b>{escape(value)}</b><span>{escape(name)}</span><i>{escape(more)}</i></div>" for value, name, more in tiles)
    return f'<div class="tiles">{"".join(cells)}</div>'


def _classes(stats: Stats) -> str:
    ordered = sorted(stats.classes.items(), key=lambda each: -each[1].labels)
    shown = ordered[:MOST_ROWS]
    rows: list[Row] = [(name, each.labels, f"{_grouped(each.labels)} in {_grouped(each.images)} pictures") for name, each in shown]
    words = _more(len(ordered)) + _balance([each.labels for _, each in ordered])
    if stats.unused:
        words += f'<p class="warn">Without any label: {escape(", ".join(stats.unused[:50]))}</p>'
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{_grouped(each.labels)}</td><td>{_share(each.verified, each.labels)}</td>"
        + "".join(f"<td>{_grouped(size)}</td>" for size in each.sizes)
        + "</tr>"
        for name, each in shown
    )
    heads = "".join(f"<th>{escape(size)}</th>" for size in SIZES)
    head = f"<tr><th>class</th><th>labels</th><th>verified</th>{heads}</tr>"
    table = f"<details><summary>By size of the box</summary><table>{head}{cells}</table></details>"
    return _section("Class balance", bars(rows, 760) + words + table)


def _balance(counts: Sequence[int]) -> str:
    if len(counts) < 2:
        return ""
    ratio = counts[0] / counts[-1]
    kind = ' class="warn"' if ratio > 20 else ""
    return f"<p{kind}>The most frequent class has {ratio:.1f} times the labels of the rarest.</p>"


def _boxes(stats: Stats) -> str:
    sides = [(f"{2 ** (n / 4):.0f}", stats.sides[n]) for n in _span(stats.sides)]
    aspects = [(_aspect(n), stats.aspects[n]) for n in _span(stats.aspects)]
    per_image = [(str(n) if n < 100 else "100+", stats.per_image[n]) for n in _span(stats.per_image)]
    confidence = [(f"{n / 20:.2f}", stats.confidence[n]) for n in range(20)] if stats.confidence else []
    plots = (
        ("Size: side of a square of the same area, px", histogram(sides, "boxes", 520)),
        ("Shape: width to height", histogram(aspects, "boxes", 520)),
        ("Labels in a picture", histogram(per_image, "pictures", 520)),
        ("Confidence, where it was said", histogram(confidence, "labels", 520)),
        ("Where the middles of boxes are", heat(stats.heat)),
    )
    beyond = f"<p>{_grouped(stats.beyond)} boxes reach beyond the picture's edge.</p>" if stats.beyond else ""
    return _section("Boxes", f'<div class="grid">{"".join(_plot(*plot) for plot in plots)}</div>{beyond}')


def _aspect(n: int) -> str:
    ratio = 2 ** (n / 4)
    return f"{ratio:.1f}:1" if ratio >= 1 else f"1:{1 / ratio:.1f}"


def _span(counts: Mapping[int, int]) -> range:
    keys = list(counts)
    return range(min(keys), max(keys) + 1) if keys else range(0)


def _where_from(stats: Stats) -> str:
    parts = []
    for kind, names in stats.counts.items():
        known = {name: count for name, count in names.items() if name}
        if not known:
            continue
        ordered = sorted(known.items())[-MOST_ROWS:] if kind == "day" else sorted(known.items(), key=lambda each: -each[1])[:MOST_ROWS]
        of = stats.labels if kind == "source" else stats.items
        rows: list[Row] = [(name, count, f"{_grouped(count)} ({_share(count, of)})") for name, count in ordered]
        parts.append(_plot(f"By {kind}" + (" of the label" if kind == "source" else ""), bars(rows, 520) + _more(len(known))))
    return _section("Where it is from", f'<div class="grid">{"".join(parts)}</div>')


def _doubts(stats: Stats) -> str:
    rows: list[Row] = [(f"{a} / {b}", count, _grouped(count)) for (a, b), count in stats.conflicts.most_common(MOST_ROWS)]
    body = "<p>Two classes at one place: one of the two is wrong, or both are.</p>" + bars(rows, 760)
    body += _shots(stats, "conflicts", "Pictures with conflicts")
    body += _shots(stats, "same file twice", "The same file twice")
    body += _shots(stats, "near-duplicates", "Nearly the same as an earlier picture")
    return _section("Doubts", body)


def _pictures(stats: Stats) -> str:
    ordered = sorted(stats.classes, key=lambda name: -stats.classes[name].labels)
    body = "".join(_shots(stats, f"class {name}", name, 6) for name in ordered[:CLASSES_SHOWN])
    body += _shots(stats, "without labels", "Without labels")
    return _section("Pictures", body or '<p class="none">no picture came with the labels</p>')


def _shots(stats: Stats, kind: str, title: str, most: int = 6) -> str:
    chosen = sorted(stats.samples.get(kind, []), key=lambda each: each[:2])[:most]
    shots = "".join(figure(item) for _, _, item in chosen)
    return f'<h3>{escape(title)}</h3><div class="shots">{shots}</div>' if shots else ""


def _plot(title: str, body: str) -> str:
    return f"<div><h3>{escape(title)}</h3>{body}</div>"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>\n"


def _more(count: int) -> str:
    return f"<p>{_grouped(count - MOST_ROWS)} more are not shown.</p>" if count > MOST_ROWS else ""


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"
