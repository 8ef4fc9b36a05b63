"""The form that begins a rollout: what may be chosen, and what was typed as a rollout that is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError, StorageError
from contracts.update import Model
from trainer.accounts.audit import Actor
from trainer.push.asked import Asked
from trainer.push.cohorts import cohorts_of
from trainer.push.place import Place
from trainer.push.repository import Repository
from trainer.push.rollout import Rollout, Rollouts
from trainer.web.parts import Parts

MODES = ("live", "trial", "shadow")
ALL = "all"
TYPED = {"name": "", "release": "", "who": ALL, "boxes": "", "canaries": "", "mode": "live", "approve": "", "steps": "10, 50, 100"}


def choices(parts: Parts, typed: Mapping[str, str]) -> dict[str, Any]:
    """Nothing where no ceremony was held: `releases` is None then. Newest first; the empty configuration is no choice."""
    place = Place(parts.home)
    told: dict[str, Any] = {"typed": {**TYPED, **typed}, "modes": MODES, "cohorts": [], "releases": None, "trouble": ""}
    if not place.begun:
        return told
    try:
        released = Repository(place, parts.clock).everything()
        cohorts = sorted(cohorts_of(parts.home))
    except (ConfigError, StorageError) as error:
        return {**told, "releases": [], "trouble": str(error)}
    said = [(target, _named(each)) for target, each in released.items() if not target.startswith("configs/none/")]
    return {**told, "releases": sorted(said, key=lambda pair: pair[1], reverse=True), "cohorts": cohorts}


def begin(parts: Parts, rollouts: Rollouts, typed: Mapping[str, str], actor: Actor) -> Rollout:
    """ConfigError for what cannot be."""
    place = Place(parts.home)
    place.require()
    said = {**TYPED, **typed}
    kind = "config" if said["release"].startswith("configs/") else "model"
    about: dict[str, Any] = {
        "name": said["name"].strip(), kind: said["release"], "boxes": _listed(said["boxes"]), "canaries": _listed(said["canaries"]),
        "mode": said["mode"], "approve": bool(said["approve"]), "steps": _listed(said["steps"]),
    }  # fmt: skip
    who = said["who"]
    about |= {"all": who == ALL, "cohorts": [who.removeprefix("cohort ")] if who.startswith("cohort ") else []}
    try:
        asked = Asked.model_validate(about)
    except ValidationError as error:
        raise ConfigError(f"this rollout: {first_fault(error)}") from error
    return asked.begin(rollouts, Repository(place, parts.clock).everything(), cohorts_of(parts.home), actor)


def _listed(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _named(each: Any) -> str:
    if isinstance(each, Model):
        return f"{each.name} {each.version}"
    return f"configuration {each.target.split('/')[1]} {each.rev}"
