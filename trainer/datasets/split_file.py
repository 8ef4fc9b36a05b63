"""A split on disk: read with care, written durably, never over another one."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError, ProtocolError
from contracts.files import write_durably
from contracts.split import Split
from dataset.layout import read_small


def read_split(path: Path) -> Split:
    """ConfigError for a file that is not there, ProtocolError for one that is no split."""
    if not path.is_file():
        raise ConfigError(f"{path}: is not there; make a split with `vedette-trainer dataset split SET --out {path}`")
    try:
        return Split.model_validate_json(read_small(path))
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"{path}: is not a split: {first_fault(error)}") from error


def write_split(path: Path, split: Split) -> None:
    """A split that is there is what results were judged by: another one gets another name."""
    if path.exists():
        raise ConfigError(f"{path}: is there already and stays as it is; give the new one another name, or continue it with --after {path}")
    document = split.model_dump(mode="json")
    write_durably(path, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
