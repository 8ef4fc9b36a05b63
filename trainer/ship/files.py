"""Files: each form with its figures, or with what refused it."""

from __future__ import annotations

from hashlib import sha256

from contracts.errors import BundleError
from contracts.exported import ExportedFigures, ExportedFile, Kind
from trainer.ship.document import MODEL
from trainer.ship.forms import WAYS, Form, Source
from trainer.ship.graph import Graph
from trainer.ship.measuring import Yardstick
from trainer.ship.steps import Steps
from trainer.ship.verdicts import loss_of, why_not

PASSES = 2  # that a form takes at least: its ranges, and how good it is


def onnx_file(graph: Graph, after: ExportedFigures, before: ExportedFigures | None = None) -> ExportedFile:
    """`before` is of the network it was made of, where that is known."""
    return ExportedFile(
        kind="onnx",
        path=MODEL,
        size=len(graph.data),
        sha256=sha256(graph.data).hexdigest(),
        opset=graph.opset,
        figures=after,
        ap_loss=loss_of(after, before) if before is not None else None,
        details={"exporter": graph.exporter},
    )


def make_form(
    kind: Kind, source: Source, yardstick: Yardstick, whole: ExportedFigures, steps: Steps, step: int
) -> tuple[ExportedFile, bytes | None]:
    """The first form that loses little enough; else the refusal of the last that was tried, without a file."""
    way = WAYS[kind]
    refused = ExportedFile(kind=kind, state="refused", why=f"{kind}: nothing could be made of this model; ship ONNX")
    try:
        for form in way.make(source, steps.tick(step, f"{kind}, ranges of values")):
            figures = yardstick.figures(form.open(), form.shown, form.data, steps.tick(step + 1, f"{kind}, how good it is"))
            why = why_not(kind, figures, whole, way.most_loss(source.options))
            if not why:
                return _file(kind, form, figures, whole, source.graph), form.data
            loss = loss_of(figures, whole)
            refused = ExportedFile(
                kind=kind, state="refused", why=why, figures=figures, ap_loss=loss, opset=form.opset, details=form.details
            )
    except BundleError as error:
        return ExportedFile(kind=kind, state="refused", why=str(error)), None
    return refused, None


def _file(kind: Kind, form: Form, figures: ExportedFigures, whole: ExportedFigures, graph: Graph) -> ExportedFile:
    return ExportedFile(
        kind=kind,
        path=WAYS[kind].file,
        size=len(form.data),
        sha256=sha256(form.data).hexdigest(),
        opset=form.opset,
        figures=figures,
        ap_loss=loss_of(figures, whole),
        made_of=sha256(graph.data).hexdigest(),
        details=form.details,
    )
