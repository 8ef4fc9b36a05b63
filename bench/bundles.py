"""The random network as a bundle of the box: a padded square, the picture's own shape, or one that sees a lamp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.footage import first_picture, street
from bench.network import CLASSES, lamp_only, model
from contracts.bundle import Input
from vision.bundle_write import write_bundle
from vision.engines.onnx import OnnxEngine
from vision.planes import BgrPlanes
from vision.prepare import Prepare

LABELS = [f"class-{n}" for n in range(CLASSES)]
CANDIDATES = 30  # boxes of the first picture that are sure enough: a crowd
SURE = 0.9  # the lamp is 0.98 when it is lit; the random network behind it never gets there


def square(folder: Path, side: int) -> Path:
    """One size, as others run it: the picture with bars above and below."""
    return _bundle(folder / f"square-{side}", model(), {"size": (side, side)})


def shaped(folder: Path, side: int) -> Path:
    """The same network in the shape of the picture."""
    return _bundle(folder / f"shaped-{side}", model(), {"size": (side, side), "multiple": 32})


def lamp(folder: Path, side: int) -> Path:
    """Sees the lamp of footage.lamp, and does all the work of the network besides."""
    return _bundle(folder / f"lamp-{side}", model(lamp=True), {"size": (side, side), "multiple": 32}, SURE)


def lamp_alone(folder: Path, side: int) -> Path:
    """Sees the lamp, for nothing."""
    return _bundle(folder / f"lamp-alone-{side}", lamp_only(), {"size": (side, side), "multiple": 32}, SURE)


def _bundle(path: Path, graph: bytes, shape: dict[str, Any], sure: float | None = None, labels: Sequence[str] = LABELS) -> Path:
    spec = {"name": "image", **shape}
    fields = {
        "name": path.name,
        "version": "1.0.0",
        "labels": list(labels),
        "input": spec,
        "head": {"kind": "yolo"},
        "min_confidence": _floor(graph, Input.model_validate(spec)) if sure is None else sure,
        "source": "random weights, made by bench/network.py",
    }
    write_bundle(path, fields, {"model.onnx": graph, "CARD.md": b"# Random weights\nFor measuring speed. Its answers mean nothing.\n"})
    return path


def _floor(graph: bytes, spec: Input) -> float:
    """The confidence that leaves CANDIDATES boxes of the first picture."""
    tensor, _ = Prepare(spec)(BgrPlanes(first_picture(street())))
    answer = OnnxEngine(graph, spec).run(tensor)[0]
    return float(np.sort(answer[0, 4:].max(axis=0))[-CANDIDATES])
