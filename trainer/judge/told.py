"""Told: an evaluation as tables for people."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.evaluation import Evaluation

HEAD = ("", "wanted", "AP", "AP50", "AR", "point", "precision", "recall", "ECE", "MAE", "bias")


def told(evaluation: Evaluation) -> Iterator[str]:
    yield f"{evaluation.model}"
    yield f"  on {evaluation.pictures} pictures of {evaluation.recordings} recordings, {evaluation.root}"
    yield ""
    yield from table(HEAD, [*_classes(evaluation), _all(evaluation)])
    for name, slices in evaluation.slices.items():
        yield ""
        head = (f"by {name}", "pictures", "wanted", "AP", "AP50", "precision", "recall")
        rows = [(value, str(s.pictures), str(s.wanted), *map(_cell, (s.ap, s.ap50, s.precision, s.recall))) for value, s in slices.items()]
        yield from table(head, rows)
    if evaluation.mistakes:
        yield ""
        kinds = list(next(iter(evaluation.mistakes.values())))
        yield from table(("mistakes", *kinds), [(label, *map(str, row.values())) for label, row in evaluation.mistakes.items()])


def _classes(evaluation: Evaluation) -> list[tuple[str, ...]]:
    rows = []
    for name, c in evaluation.classes.items():
        figures = (c.coco["ap"], c.coco["ap50"], c.coco["ar100"], c.point, c.precision, c.recall, c.ece, c.count_mae, c.count_bias)
        rows.append((name, str(c.wanted), *map(_cell, figures)))
    return rows


def _all(evaluation: Evaluation) -> tuple[str, ...]:
    coco = evaluation.coco
    wanted = sum(each.wanted for each in evaluation.classes.values())
    return ("all", str(wanted), *map(_cell, (coco["ap"], coco["ap50"], coco["ar100"])), *[""] * 6)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """First column to the left, the others to the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    for row in (head, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells]).rstrip()
