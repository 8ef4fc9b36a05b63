"""Report: a run as one page of HTML that needs nothing else: figures, curves, and the worst mistakes as pictures. No scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from contracts.evaluation import Evaluation
from contracts.run import EpochLine, Run
from dataset.report_style import STYLE
from trainer.train.plot import lines
from trainer.train.worst import Shot

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
HEAD = ("class", "to find", "AP", "AP50", "point", "precision", "recall", "count error")


def page(run: Run, progress: Sequence[EpochLine], evaluation: Evaluation, shots: Mapping[str, tuple[int, list[Shot]]]) -> str:
    body = [_tiles(run, evaluation), _targets(run), _curves(progress), _classes(evaluation), _mistakes(shots), _said(run)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>Run {escape(run.id)}</title>'
        f"<style>{STYLE}svg polyline,svg circle{{vector-effect:non-scaling-stroke}}</style></head>"
        f"<body><header><h1>Run {escape(run.id)}</h1></header><main>{''.join(body)}</main></body></html>\n"
    )


def _tiles(run: Run, evaluation: Evaluation) -> str:
    best = run.best
    tiles = [
        (_figure(evaluation.coco.get("ap50")), "AP50 on val", f"best epoch {best.epoch}" if best else ""),
        (_figure(evaluation.coco.get("ap")), "AP on val", "IoU 0.50 to 0.95"),
        (str(run.pictures.get("train", 0)), "pictures learnt from", f"{sum(run.examples.values())} things"),
        (str(evaluation.pictures), "val pictures", f"{evaluation.recordings} recordings"),
    ]
    inside = "".join(f"<div><b>{escape(b)}</b><span>{escape(s)}</span><i>{escape(i)}</i></div>" for b, s, i in tiles)
    return f'<div class="tiles">{inside}</div>'


def _targets(run: Run) -> str:
    if not run.targets:
        return ""
    rows = [(name, f"{t.asked:g}", _figure(t.got), "reached" if t.met else "missed") for name, t in run.targets.items()]
    return f"<section><h2>Targets</h2>{_table(('target', 'asked', 'got', ''), rows)}</section>"


def _curves(progress: Sequence[EpochLine]) -> str:
    names = sorted({name for line in progress for name in line.loss})
    losses = [(name, [(line.epoch, value) for line in progress if (value := line.loss.get(name)) is not None]) for name in names]
    overall = [
        ("AP50", [(line.epoch, line.ap50) for line in progress if line.ap50 is not None]),
        ("AP", [(line.epoch, line.ap) for line in progress if line.ap is not None]),
    ]
    classes = sorted({name for line in progress for name in line.classes})[:8]
    each = [(name, [(line.epoch, value) for line in progress if (value := line.classes.get(name)) is not None]) for name in classes]
    rates = [("rate", [(line.epoch, line.rate) for line in progress])]
    plots = (("Loss", lines(losses)), ("On val", lines(overall, 1.0)), ("AP50 by class", lines(each, 1.0)), ("Learning rate", lines(rates)))
    return f'<section><h2>Curves</h2><div class="grid">{"".join(f"<div><h3>{n}</h3>{svg}</div>" for n, svg in plots)}</div></section>'


def _classes(evaluation: Evaluation) -> str:
    rows = []
    for name, each in evaluation.classes.items():
        figures = (each.coco.get("ap"), each.coco.get("ap50"), each.point, each.precision, each.recall, each.count_mae)
        rows.append((name, str(each.wanted), *map(_figure, figures)))
    return f"<section><h2>Classes</h2><p>Operating points were chosen on these pictures.</p>{_table(HEAD, rows)}</section>"


def _mistakes(shots: Mapping[str, tuple[int, list[Shot]]]) -> str:
    parts = ["<section><h2>Worst mistakes</h2><p>Green is what is there, red the mistake.</p>"]
    for title, (count, found) in shots.items():
        figures = "".join(
            f'<figure><div><img alt="{escape(s.words)}" src="{s.address()}"></div><figcaption>{escape(s.words)}</figcaption></figure>'
            for s in found
        )
        parts.append(
            f"<h3>{escape(title)}: {count}</h3>" + (f'<div class="shots">{figures}</div>' if found else '<p class="none">none</p>')
        )
    return "".join(parts) + "</section>"


def _said(run: Run) -> str:
    rows = [
        ("data set", run.data_root or "not hashed"),
        ("split", run.split_root or "the set's own"),
        ("parent", run.parent or "none: from nothing"),
        ("device", f"{run.device}, {run.processes} processes"),
        ("seed", str(run.seed)),
        ("software", ", ".join(f"{name} {value}" for name, value in run.software.model_dump().items())),
    ]
    notes = "".join(f'<p class="warn">{escape(note)}</p>' for note in [*run.notes, *run.skipped])
    return f"<section><h2>What it was made of</h2>{_table(('', ''), rows)}{notes}</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
