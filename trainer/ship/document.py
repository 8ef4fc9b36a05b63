"""export.json and the files beside it: written so that a cut leaves what was there, read with care."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import onnxruntime
import torch
from pydantic import ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError, ProtocolError
from contracts.exported import Exported
from contracts.files import storage, write_durably
from dataset.layout import read_small

DOCUMENT, MODEL = "export.json", "model.onnx"
FILES = (MODEL, "model.int8.onnx", "model.fp16.onnx", "model.tflite")


def write_export(folder: Path, document: Exported, datas: Mapping[str, bytes]) -> Exported:
    """Files first, the document last; what an earlier export left and this one does not name goes."""
    for name in FILES:
        if name not in datas:
            with storage(folder / name):
                (folder / name).unlink(missing_ok=True)
    for name, data in datas.items():
        write_durably(folder / name, data)
    write_durably(folder / DOCUMENT, document.model_dump_json(indent=1).encode() + b"\n")
    return document


def read_export(folder: Path) -> Exported:
    """What was exported into a run's folder; ConfigError: nothing was, ProtocolError: the document is damaged."""
    path = folder / DOCUMENT
    if not path.is_file():
        raise ConfigError(f"{folder}: nothing was exported of this run; run `vedette-trainer export {folder.name}`")
    try:
        return Exported.model_validate_json(read_small(path))
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"{path}: is no export: {first_fault(error)}; export the run again") from error


def software() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
