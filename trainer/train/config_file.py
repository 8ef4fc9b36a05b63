"""The configuration of a run as a YAML file: every fault with its line and its mend, before hours are spent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contracts.errors import ConfigError
from dataset.layout import read_small
from trainer.train.config import TrainConfig
from trainer.yaml_text import Place, Text, key, meant, read_yaml

LARGEST = 1 << 20


def read_config(path: Path) -> TrainConfig:
    """ConfigError with all faults, one a line."""
    if not path.is_file():
        raise ConfigError(f"{path}: is not there; name the YAML file of a run (docs/guide/training.md has one to begin with)")
    values, text = read_yaml(path, read_small(path, LARGEST))
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_told(error, text))) from error


def config_of(values: Any) -> TrainConfig:
    """Of a document, such as a run's own or a job's arguments."""
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("; ".join(f"{key(each['loc'])}: {_words(each, each['loc'])}" for each in error.errors())) from error


def _told(error: ValidationError, text: Text) -> Iterator[str]:
    for each in error.errors():
        yield f"{text.path}:{text.line(each['loc'])}: {key(each['loc'])}: {_words(each, each['loc'])}"


def _words(error: ErrorDetails, place: Place) -> str:
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return f"is not a known key; {meant(str(place[-1]), _known(place[:-1]))}"
    if kind == "missing":
        return f"is missing; add `{place[-1]}:` here"
    shown = f"{given!r:.60}: " if isinstance(given, (str, int, float, bool)) else ""
    what = error["msg"].removeprefix("Value error, ")
    return f"{shown}{what[:1].lower()}{what[1:]}" + ("" if "; " in what else "; change the value")


def _known(place: Place) -> tuple[str, ...]:
    model: type[BaseModel] = TrainConfig
    for part in place:
        info = model.model_fields.get(str(part))
        if info is None or not isinstance(info.annotation, type) or not issubclass(info.annotation, BaseModel):
            return ()
        model = info.annotation
    return tuple(model.model_fields)
