"""Training as a job: by a configuration of the home, or one that is given; begun again, it goes on with the run it began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field, JsonValue, model_validator

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Name
from vision.strict import Strict

if TYPE_CHECKING:
    from trainer.train.config import TrainConfig

PLACES = (("data", "set"), ("data", "split"), ("model", "parent"), ("model", "backbone"))


class Arguments(Strict):
    config: Name | None = Field(default=None, description="name of a file in the home's configs/, without .yaml")
    settings: dict[str, JsonValue] | None = Field(default=None, description="or what such a file would say, as an object")

    @model_validator(mode="after")
    def _one_of_two(self) -> Arguments:
        if (self.config is None) == (self.settings is None):
            raise ValueError("give config or settings, one of them")
        return self


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from trainer.adapters.training import give_up, train_elsewhere
    from trainer.train.detector import train_detector
    from trainer.train.family import FAMILY

    config = _config(arguments, given)
    if config.model.architecture not in FAMILY:
        for name in _begun(config, given):
            give_up(given.home, name, given.clock)
        run = train_elsewhere(config, given.home, told, clock=given.clock)
    else:
        run = train_detector(config, given.home, told, next(_begun(config, given), None), clock=given.clock)
    best = run.best.model_dump() if run.best else None
    return {"run": run.id, "state": run.state, "best": best, "targets": {name: each.model_dump() for name, each in run.targets.items()}}


def _config(arguments: Arguments, given: Given) -> TrainConfig:
    from trainer.home import named
    from trainer.train.config_file import config_of, read_config

    if arguments.config is not None:
        return read_config(named(given.home.configs, arguments.config, ".yaml"))
    _refuse_paths(arguments.settings or {})
    return config_of(arguments.settings)


def _refuse_paths(settings: dict[str, Any]) -> None:
    """ConfigError for what only who sits at this machine may say: where files lie, and which program is started."""
    from contracts.errors import ConfigError

    for part, key in PLACES:
        section = settings.get(part)
        value = section.get(key) if isinstance(section, dict) else None
        if isinstance(value, str) and ("/" in value or key == "backbone"):
            raise ConfigError(f"job train: settings {part}.{key}: names a path; put the configuration into the home's configs/ for that")
    model = settings.get("model")
    if isinstance(model, dict) and (model.get("command") or ":" in str(model.get("architecture", ""))):
        raise ConfigError("job train: settings model: starts another program; put the configuration into the home's configs/ for that")


def _begun(config: TrainConfig, given: Given) -> Iterator[str]:
    """Runs of this very configuration that were begun since the job was asked for and that nobody has: what a worker left behind."""
    from contextlib import closing

    from contracts.errors import VedetteError
    from trainer.train.config_file import config_of
    from trainer.train.run_folder import RunFolder

    for path in sorted(given.home.runs.iterdir(), reverse=True):
        folder = RunFolder(path)
        try:
            run = folder.read()
            if run.state not in {"queued", "running", "stopped"} or run.created.timestamp() * 1e6 < given.created_us:
                continue
            if config_of(run.config) != config:
                continue
            with closing(folder):
                folder.lock()
        except VedetteError:
            continue
        yield run.id
