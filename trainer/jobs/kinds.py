"""Kinds: what can be asked for as a job. Each is a module of works/ with `Arguments` and `work`, imported when it is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError
from trainer.clock import Clock
from trainer.home import Home
from trainer.jobs.told import Told
from trainer.store.database import Database

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """`module` imports nothing heavy before it works."""

    module: str
    words: str


KINDS: Mapping[str, Kind] = {
    "train": Kind("trainer.jobs.works.train", "train a detector on a data set"),
    "export": Kind("trainer.jobs.works.export", "make the files that boxes run of a run"),
    "bundle": Kind("trainer.jobs.works.bundle", "make a bundle of a run and enter it into the registry"),
    "evaluate": Kind("trainer.jobs.works.evaluate", "measure a model on a data set"),
    "gate": Kind("trainer.jobs.works.gate", "judge whether a model may be promoted"),
    "fetch": Kind("trainer.jobs.works.fetch", "fetch training data from a box"),
    "dataset_hash": Kind("trainer.jobs.works.dataset_hash", "the root of a data set: one digest of all pictures and labels"),
    "review_fill": Kind("trainer.jobs.works.review_fill", "put what is worth labelling into the queue"),
}


@dataclass(frozen=True, slots=True)
class Given:
    """What a work has to do with. `attempt` is 1 the first time; above that, what it began before may lie about."""

    home: Home
    database: Database
    clock: Clock
    job: str
    who: str
    created_us: int
    attempt: int


Work = Callable[[Any, Given, Told], Result]


def checked(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with their defaults, as they are kept; ConfigError for a kind or an argument that is not known."""
    module = _module(kind)
    model: type[BaseModel] = module.Arguments
    try:
        kept = model.model_validate(dict(arguments)).model_dump(mode="json")
        json.dumps(kept, ensure_ascii=False).encode()
        return kept
    except UnicodeEncodeError as error:
        raise ConfigError(f"job {kind}: its arguments have half of a character (a lone surrogate); send whole ones") from error
    except ValidationError as error:
        names = ", ".join(model.model_fields)
        raise ConfigError(f"job {kind}: {first_fault(error)}; its arguments are {names}") from error


def read(kind: str, arguments: Mapping[str, Any]) -> tuple[Any, Work]:
    """What to call, and with what."""
    module = _module(kind)
    return module.Arguments.model_validate(checked(kind, arguments)), module.work


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema of its arguments."""
    model: type[BaseModel] = _module(kind).Arguments
    return model.model_json_schema()


def _module(kind: str) -> Any:
    found = KINDS.get(kind)
    if found is None:
        raise ConfigError(f"job {kind[:40]!r}: there is no such kind; it is one of {', '.join(KINDS)}")
    return import_module(found.module)
