"""Cohorts: boxes that go together, such as a city's or those with one kind of camera, by name in configs/cohorts.yaml of the home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pydantic import Field, TypeAdapter, ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError
from dataset.layout import read_small
from trainer.home import Home
from trainer.yaml_text import read_yaml
from vision.strict import Strict

FILE = "cohorts.yaml"
LARGEST = 4 << 20


class Cohort(Strict):
    boxes: list[str] = Field(min_length=1, description="device ids, or patterns such as shop-*")
    canaries: list[str] = Field(default=[], description="those of them that come first, likewise")


Cohorts = Mapping[str, Cohort]
_ALL: TypeAdapter[dict[str, Cohort]] = TypeAdapter(dict[str, Cohort])


def cohorts_of(home: Home) -> Cohorts:
    """None where there is no file. ConfigError for one that is wrong."""
    path = home.configs / FILE
    if not path.exists():
        return {}
    values, _ = read_yaml(path, read_small(path, LARGEST))
    try:
        return _ALL.validate_python(values or {})
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error)}; write NAME: {{boxes: [...], canaries: [...]}}") from error


def members(cohorts: Cohorts, names: Sequence[str], heard: Sequence[str]) -> tuple[list[str], list[str]]:
    """Boxes and canaries of the cohorts, each once; patterns are of the boxes that were `heard` of. ConfigError for what means no box."""
    strange = [name for name in names if name not in cohorts]
    if strange:
        raise ConfigError(f"cohort {strange[0][:80]!r}: is not in configs/{FILE}, which has {', '.join(sorted(cohorts)) or 'none'}")
    chosen = [cohorts[name] for name in names]
    boxes = _meant([each for cohort in chosen for each in cohort.boxes], heard)
    return boxes, _meant([each for cohort in chosen for each in cohort.canaries], boxes)


def _meant(written: Sequence[str], among: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for each in written:
        matching = [box for box in among if fnmatchcase(box, each)] if set(each) & set("*?[") else [each]
        if not matching:
            raise ConfigError(f"configs/{FILE}: {each[:80]!r} means no box that was ever heard of; correct it")
        found.update(dict.fromkeys(matching))
    return list(found)
