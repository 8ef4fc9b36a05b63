"""The ready recipe `ssd-mobilenet-oid`: a general detector of 23 everyday classes, out of a published package."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from contracts.bundle import Head, Input
from contracts.errors import BundleError
from trainer.convert import tflite_to_onnx
from trainer.importer import Origin, store
from trainer.intake import read_onnx
from trainer.packages import Package, fetch
from vision.bundle import StoredBundle

NAME = "ssd-mobilenet-oid"
PACKAGE = Package(
    tool="npm",
    name="@mediapipe/objectron@0.4.1675468480",
    digest="sha512-IoWuW0ojc9GaSW6UoDCIXgwjLSqTEcR5w8NYuGH+R5+q+nKzS7KOIGfY/eyx4DttReumb398W6+PpW0DQ2Rs/w==",
    licence="Apache-2.0",
    source="SSD-MobileNetV2 trained on Open Images v4, as published by Google in MediaPipe",
)
ASSETS = "package/objectron_solution_packed_assets.data"
LOADER = "package/objectron_solution_packed_assets_loader.js"
MODEL = "object_detection_ssd_mobilenetv2_oidv4_fp16.tflite"
LABELS = "object_detection_oidv4_labelmap.txt"
BACKGROUND = "???"
SIDE = 300
HALF = 127.5
MIN_CONFIDENCE, IOU = 0.4, 0.5  # below, it takes street furniture for people and gives one person twice


def make(
    target: Path, work: Path, pictures: Mapping[str, bytes], report: Callable[[str], None], name: str = NAME, version: str = "1.0.0"
) -> StoredBundle:
    """Fetch, cut out, convert and bundle; what was converted before is kept in `work`."""
    report(f"fetching {PACKAGE.name} with {PACKAGE.tool} ({PACKAGE.licence})")
    parts = unpack(fetch(PACKAGE, work / "packages").read_bytes())
    labels = tuple(line.strip().lower() for line in parts[LABELS].decode().splitlines() if line.strip() and line.strip() != BACKGROUND)
    model = _converted(parts[MODEL], work / f"{NAME}.onnx", report)
    spec = Input(
        name=read_onnx(model).graph.input[0].name,
        dtype="float32",
        layout="nhwc",
        size=(SIDE, SIDE),
        fit="stretch",
        mean=(HALF, HALF, HALF),
        std=(HALF, HALF, HALF),
    )
    origin = Origin(license=PACKAGE.licence, source=f"{PACKAGE.source}; package {PACKAGE.name}, file {MODEL}")
    return store(target, name, model, spec, Head(kind="ssd"), labels, origin, pictures, MIN_CONFIDENCE, IOU, version)


def unpack(package: bytes) -> dict[str, bytes]:
    """The two files we want, cut out of the package's one block of data by the table beside it."""
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            data, loader = (_member(archive, name) for name in (ASSETS, LOADER))
        table = re.search(rb'"files":\s*(\[.*?\])', loader)
        entries = json.loads(table.group(1)) if table else []
        found = {Path(str(e["filename"])).name: data[int(e["start"]) : int(e["end"])] for e in entries}
        return {name: found[name] for name in (MODEL, LABELS)}
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"package {PACKAGE.name}: not laid out as we know it ({error}); fetch it again") from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()


def _converted(tflite: bytes, kept: Path, report: Callable[[str], None]) -> bytes:
    if kept.exists():
        return kept.read_bytes()
    data = tflite_to_onnx(tflite, report, kept.parent)
    part = kept.with_suffix(".part")
    part.write_bytes(data)
    part.replace(kept)
    return data
