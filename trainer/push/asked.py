"""Asked: a rollout as somebody asks for it, and what is answered about it; the same by command and over REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field

from contracts.errors import ConfigError
from contracts.update import ConfigRevision, Model
from contracts.wire import utc_from_ns, utc_text
from trainer.accounts.audit import Actor
from trainer.push.cohorts import Cohorts, members
from trainer.push.rollout import Counts, Rollout, Rollouts
from trainer.push.waves import Rules

MOST_BOXES = 20_000
SHOWN = ("device", "wave", "online", "state", "code", "words", "percent", "seq", "before")


class Asked(Rules):
    """A release and boxes, with the rules of its waves; a name that is not known is a mistake, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=80, description="of the rollout")
    model: str = Field(default="", max_length=200, description="a released target, its digest, or name@version")
    config: str = Field(default="", max_length=200, description="instead of a model: a released configuration, its target or name@number")
    boxes: list[str] = Field(default=[], max_length=MOST_BOXES, description="device ids")
    canaries: list[str] = Field(default=[], max_length=MOST_BOXES, description="boxes that come first")
    cohorts: list[str] = Field(default=[], max_length=1000, description="boxes by name, with their canaries: configs/cohorts.yaml")
    all: bool = Field(default=False, description="every box that was ever heard of")

    def begin(self, rollouts: Rollouts, released: Mapping[str, Model | ConfigRevision], cohorts: Cohorts, actor: Actor) -> Rollout:
        """ConfigError where it cannot be."""
        rules = Rules.model_validate(self.model_dump(include=set(Rules.model_fields)))
        heard = rollouts.heard_of() if self.all or self.cohorts else []
        boxes, canaries = members(cohorts, self.cohorts, heard)
        boxes = [*self.boxes, *boxes, *(heard if self.all else [])]
        return rollouts.start(self.name, self._chosen(released), boxes, [*self.canaries, *canaries], rules, actor)

    def _chosen(self, released: Mapping[str, Model | ConfigRevision]) -> Model | ConfigRevision:
        if bool(self.model) == bool(self.config):
            raise ConfigError("a rollout brings a model or a configuration: name one of the two")
        if self.config:
            return self._configuration(released)
        models = (each for each in released.values() if isinstance(each, Model))
        found = (each for each in models if self.model in {each.target, each.digest, f"{each.name}@{each.version}"})
        model = next(found, None)
        if model is None:
            words = "is not released; `vedette-trainer push release` it, `push ls` names what is"
            raise ConfigError(f"model {self.model[:100]!r}: {words}")
        return model

    def _configuration(self, released: Mapping[str, Model | ConfigRevision]) -> ConfigRevision:
        configs = (each for each in released.values() if isinstance(each, ConfigRevision))
        found = next((each for each in configs if self.config in {each.target, f"{each.target.split('/')[1]}@{each.rev}"}), None)
        if found is None:
            words = "is not released; `vedette-trainer push release --config FILE` it, `push ls` names what is"
            raise ConfigError(f"configuration {self.config[:100]!r}: {words}")
        return found


def document(found: Rollout, counts: Counts) -> dict[str, Any]:
    return {
        "name": found.name, "state": found.state, "why": found.why, "wave": found.wave, "target": found.model.target,
        "digest": found.digest, "boxes": counts.boxes, "assigned": counts.assigned, "accepted": counts.accepted,
        "failed": counts.failed, "pending": counts.pending, "rules": found.rules.model_dump(), "who": found.who,
        "created": _time(found.created_us), "changed": _time(found.changed_us),
    }  # fmt: skip


def box_documents(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each box says. `aim`: later (its wave has not come), new, off (called off), back (to `before`), left (nothing to go back to).
    `signed`: its receipt was verified by the key that it showed."""
    return [
        {
            **{name: row[name] for name in SHOWN},
            "aim": row["aim"] or "later",
            "signed": bool(row["signed"]),
            "at": _time(row["t_us"]) if row["t_us"] else None,
        }
        for row in rows
    ]


def _time(t_us: int) -> str:
    return utc_text(utc_from_ns(t_us * 1000))
