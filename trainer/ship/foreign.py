"""Foreign: a model that another program trained: its ONNX file, what its answers mean, and what whoever ships it must know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import BundleError
from contracts.exported import Exported
from dataset.layout import read_small
from trainer.intake import MOST_BYTES, read_onnx
from trainer.ship.document import MODEL
from trainer.ship.graph import Graph, opset_of
from trainer.ship.measuring import Shown

STRICT = ("AGPL", "GPL", "SSPL", "CC-BY-NC", "ENTERPRISE", "COMMERCIAL", "PROPRIETARY")


@dataclass(frozen=True, eq=False)
class Foreign:
    """`licence` is that of the training program, as its owner says; `trainer` its name and version."""

    data: bytes
    shown: Shown
    trainer: str
    licence: str
    notes: Sequence[str] = ()

    def graph(self) -> Graph:
        """BundleError: it is no plain ONNX with its weights inside."""
        return Graph(self.data, self.trainer, opset_of(read_onnx(self.data)))


def licence_notes(trainer: str, licence: str) -> list[str]:
    """What is said wherever the model is shown; nothing for a licence that asks for nothing beyond its text."""
    if not licence.strip():
        return [f"{trainer} does not say under which licence its models are; find out before this one is given to anybody"]
    if any(word in licence.upper() for word in STRICT):
        held = f"trained by {trainer} under {licence}: its makers may hold that this model and what runs it fall under the same licence"
        return [f"{held}; ask before it is given to others or used in a service"]
    return []


def foreign_of(folder: Path, document: Exported) -> Foreign:
    """As it was adopted into a run's folder."""
    shown = Shown(tuple(document.labels), document.input, document.head)
    data = read_small(folder / MODEL, MOST_BYTES)
    kept = document.file("onnx")
    model = Foreign(data, shown, document.trainer, document.licence, document.notes)
    if kept is None or kept.size != len(data):
        raise BundleError(f"{folder / MODEL}: is not the file that export.json names; restore it or train again")
    return model
