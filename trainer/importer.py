"""Makes a bundle of a model the owner has, and shows what it sees on a picture of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from contracts.bundle import Head, Input
from contracts.errors import ConfigError, StorageError
from trainer.convert import tflite_to_onnx
from trainer.intake import read_onnx
from trainer.proposal import Proposal, Wishes, propose
from vision.annotate import annotate
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle
from vision.detector import open_detector
from vision.golden import golden_answer
from vision.planes import read_picture
from vision.types import Detections, Image

LEAST_CONFIDENCE = 0.25
IOU = 0.6


@dataclass(frozen=True)
class Imported:
    bundle: StoredBundle
    proposal: Proposal


@dataclass(frozen=True)
class Origin:
    """Where a model comes from and what may be done with it, in the owner's words."""

    license: str = ""
    source: str = ""


def import_model(
    path: Path, target: Path, name: str, wishes: Wishes, origin: Origin, pictures: Mapping[str, bytes], report: Callable[[str], None],
    version: str = "1.0.0",
) -> Imported:  # fmt: skip
    """`target` is a folder or a .vdb file; `pictures` become golden images, with what the model says about them today."""
    data = _read(path)
    if path.suffix == ".tflite":
        data = tflite_to_onnx(data, report)
    proposal = propose(read_onnx(data), wishes)
    report(f"outputs {', '.join(map(str, proposal.outputs))}: read as {proposal.head.kind} with {len(proposal.labels)} classes")
    bundle = store(target, name, data, proposal.input, proposal.head, proposal.labels, origin, pictures, version=version)
    return Imported(bundle, proposal)


def store(
    target: Path,
    name: str,
    model: bytes,
    spec: Input,
    head: Head,
    labels: tuple[str, ...],
    origin: Origin,
    pictures: Mapping[str, bytes],
    min_confidence: float = LEAST_CONFIDENCE,
    iou: float = IOU,
    version: str = "1.0.0",
) -> StoredBundle:
    """Written twice where there are pictures: the first copy gives the answers the second one promises."""
    fields = {
        "name": name,
        "version": version,
        "labels": list(labels),
        "input": spec,
        "head": head,
        "min_confidence": min_confidence,
        "iou": iou,
        "license": origin.license,
        "source": origin.source,
    }
    files = {"model.onnx": model, "CARD.md": _card(name, labels, origin).encode()}
    bundle = write_bundle(target, fields, files)
    detector = open_detector(bundle)  # refuses what does not fit together, before anybody relies on it
    try:
        golden = [golden_answer(detector, picture, f"golden/{file}") for file, picture in pictures.items()]
    finally:
        detector.close()
    if not golden:
        return bundle
    return write_bundle(target, {**fields, "golden": golden}, {**files, **{f"golden/{file}": data for file, data in pictures.items()}})


def look(bundle: StoredBundle, picture: Path, out: Path) -> tuple[Detections, tuple[str, ...]]:
    """What the bundle sees on a picture, drawn on a copy of it."""
    planes = read_picture(_read(picture), str(picture))
    detector = open_detector(bundle)
    try:
        found = detector.detect(planes)
        _save(out, annotate(planes.bgr(), found, detector.labels))
        return found, detector.labels
    finally:
        detector.close()


def _save(out: Path, picture: Image) -> None:
    ok, data = cv2.imencode(out.suffix or ".jpg", picture)
    if not ok:
        raise ConfigError(f"picture {out}: cannot be written as {out.suffix}; name it .jpg or .png")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(np.asarray(data).tobytes())
    except OSError as error:
        raise StorageError(f"picture {out}: cannot be written: {error}; choose another place") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"file {path}: cannot be read: {error.strerror or error}; correct the path") from error


def _card(name: str, labels: tuple[str, ...], origin: Origin) -> str:
    lines = [
        f"# {name}",
        "",
        "A model made elsewhere and imported. Nothing about its accuracy was measured here.",
        "",
        f"- Classes: {', '.join(labels)}",
        f"- Licence: {origin.license or 'not stated'}",
        f"- Source: {origin.source or 'not stated'}",
        "",
    ]
    return "\n".join(lines)


def read_labels(path: Path) -> tuple[str, ...]:
    """One name a line; empty lines do not count."""
    try:
        names = tuple(line.strip() for line in _read(path).decode().splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise ConfigError(f"labels {path}: not a text in UTF-8; save it as one") from error
    if not names:
        raise ConfigError(f"labels {path}: no names in it; write one a line")
    return names


def read_pictures(paths: Sequence[Path]) -> dict[str, bytes]:
    return {path.name: _read(path) for path in paths}
