"""Source: what a bundle is made of: the folder of a run or of an adapter: a model, and the export.json that says how to use it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError, ProtocolError
from contracts.exported import Exported, ExportedFile, Kind
from contracts.files import inside
from contracts.run import Run
from dataset.layout import read_small
from trainer.home import Home, named
from vision.bundle_zip import MAX_BUNDLE_BYTES

EXPORT, RUN = "export.json", "run.json"
LARGEST = 16 << 20  # of a document
FORMS = tuple(form for form in get_args(Kind) if form != "tflite")  # what a box can run
_Document = TypeVar("_Document", Exported, Run)


@dataclass(frozen=True)
class Source:
    """`run` is null for a model that was trained elsewhere."""

    folder: Path
    model: bytes
    file: ExportedFile
    exported: Exported
    exported_sha256: str
    run: Run | None

    @property
    def model_sha256(self) -> str:
        return self.file.sha256


def read_source(home: Home, name: str, form: str = "onnx") -> Source:
    """`name`: a run's id, or a path with a slash. ConfigError: nothing there, or not of that form; ProtocolError: damaged."""
    folder = Path(name) if "/" in name else named(home.runs, name)
    if not (folder / EXPORT).is_file():
        raise ConfigError(
            f"{folder}: has no {EXPORT}; name a run that was exported (`vedette-trainer export RUN`), or a folder that has one"
        )
    raw = read_small(folder / EXPORT, LARGEST)
    exported = _document(folder / EXPORT, raw, Exported)
    file = _file(folder, exported, form)
    path = inside(folder, file.path)
    model = read_small(path, MAX_BUNDLE_BYTES)
    if len(model) != file.size or sha256(model).hexdigest() != file.sha256:
        raise ProtocolError(f"{path}: is not the file that was exported (its SHA-256 differs from {EXPORT}); export the run again")
    run = _document(folder / RUN, read_small(folder / RUN, LARGEST), Run) if (folder / RUN).is_file() else None
    if run is not None and run.state != "done":
        raise ConfigError(f"run {run.id}: is {run.state}{': ' + run.why if run.why else ''}; a bundle is made of one that is done")
    return Source(folder, model, file, exported, sha256(raw).hexdigest(), run)


def _file(folder: Path, exported: Exported, form: str) -> ExportedFile:
    found = next((each for each in exported.files if each.kind == form), None)
    if form not in FORMS or found is None:
        have = ", ".join(each.kind for each in exported.files if each.kind in FORMS)
        raise ConfigError(f"{folder}: has no form {form[:40]!r} that a box can run; choose of {have or 'none'}")
    if found.state != "good":
        raise ConfigError(f"{folder}: its {form} was refused: {found.why}")
    return found


def _document(path: Path, raw: bytes, kind: type[_Document]) -> _Document:
    try:
        return kind.model_validate_json(raw)
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"{path}: is damaged: {first_fault(error)}; make it again") from error
