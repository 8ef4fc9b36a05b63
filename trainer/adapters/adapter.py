"""Adapter: the seam to programs that train; `model.architecture: NAME:WHAT` names one of the table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.errors import ConfigError
from trainer.adapters import ADAPTERS
from trainer.jobs.told import Told
from trainer.ship.foreign import Foreign
from trainer.ship.lesson import Lesson
from trainer.train.config import TrainConfig

Options = TypeVar("Options", bound=BaseModel)


class Adapter(Protocol):
    """Nothing of the other program runs in this process."""

    def train(self, config: TrainConfig, lesson: Lesson, work: Path, told: Told) -> Foreign:
        """`work` is an empty folder of its own. ConfigError: the program is not there or failed, and why; its log stays in `work`."""
        ...


def open_adapter(config: TrainConfig) -> Adapter:
    """ConfigError: no such adapter, or its options are wrong; found before anything is written."""
    name, _, what = config.model.architecture.partition(":")
    if name not in ADAPTERS:
        known = ", ".join(f"{each}:..." for each in ADAPTERS)
        raise ConfigError(f"model.architecture {name[:60]}: is no adapter; write one of {known}, or a size of ours")
    made: Any = resolve_name(ADAPTERS[name])
    adapter: Adapter = made(what, config)
    return adapter


def options_of(model: type[Options], values: Mapping[str, Any], where: str) -> Options:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ConfigError(f"model.options of {where}: {faults}; see docs/guide/model-export.md") from error
