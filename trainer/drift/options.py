"""Options of drift: configs/drift.yaml of the home, where somebody put one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError
from dataset.layout import read_small
from trainer.home import Home
from trainer.yaml_text import read_yaml
from vision.strict import Strict

LARGEST = 1 << 16


class Options(Strict):
    days: int = Field(default=7, ge=3, le=28, description="first days of a camera under a model that are what is normal")
    lasting_h: int = Field(default=24, ge=1, le=24 * 14, description="hours that a drift must last before the moment to retrain has come")
    share: float = Field(default=0.1, ge=0, le=1, description="of a model's boxes that must have drifted; one at least")
    then: Literal["tell", "fill"] = Field(default="tell", description="fill: the job review_fill is asked for when the moment has come")


def options_of(home: Home) -> Options:
    """ConfigError for a file that is wrong."""
    path = home.configs / "drift.yaml"
    if not path.exists():
        return Options()
    values, _ = read_yaml(path, read_small(path, LARGEST))
    try:
        return Options.model_validate(values or {})
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error)}; its keys are {', '.join(Options.model_fields)}") from error
