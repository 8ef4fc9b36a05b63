"""Verdicts: what may be shipped: how far a file may be from the network it was made of, and what counts as no answer."""

from __future__ import annotations

from contracts.errors import BundleError, ConfigError
from contracts.exported import ExportedFigures, Kind

FEWEST_ANSWERS = 0.1  # of those the float file gives: with fewer a form does not answer, whatever its AP


def check_equal(before: ExportedFigures, after: ExportedFigures, most: float) -> None:
    if before.ap is None or after.ap is None:
        raise ConfigError("export: nothing on the pictures for validation counts as true, so there is no AP; let a person look at them")
    difference = abs(before.ap - after.ap)
    if difference > most:
        raise BundleError(
            f"export: AP of the ONNX file is {after.ap:.4f}, of the trained network {before.ap:.4f}: they differ by {difference:.4f}, "
            f"at most {most:g} is let through; use the PyTorch of the lock file, or the other exporter"
        )


def why_not(kind: Kind, figures: ExportedFigures, whole: ExportedFigures, most: float) -> str:
    """Empty: it may be shipped."""
    if whole.answers and figures.answers < FEWEST_ANSWERS * whole.answers:
        return f"{kind} does not answer: {figures.answers} boxes where the float file gives {whole.answers}; ship ONNX or FP16"
    loss = loss_of(figures, whole)
    if loss is None or loss > most:
        ap = "unknown" if figures.ap is None else f"{figures.ap:.4f}"
        return f"AP of {kind} is {ap}, of the float file {whole.ap:.4f}: {_words(loss)} lost, at most {most:g} may be; ship another form"
    return ""


def loss_of(figures: ExportedFigures, whole: ExportedFigures) -> float | None:
    return None if figures.ap is None or whole.ap is None else round(whole.ap - figures.ap, 6)


def _words(loss: float | None) -> str:
    return "an unknown part" if loss is None else f"{loss:.4f}"
