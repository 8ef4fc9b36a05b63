"""The champion is one that boxes took: while a rollout of it is under way, or after it was halted, nobody makes it that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.errors import ConfigError
from contracts.update import Model
from tests.trainer.push.fleets import NEW, Fleet, names
from tests.trainer.push.yards import TARGETS_WORDS, Yard, believed, entered
from trainer.accounts.audit import HERE
from trainer.push.keys import targets_key
from trainer.push.releasing import release
from trainer.push.waves import Rules
from trainer.registry.registry import Registry
from trainer.store.database import Database


@pytest.fixture
def fleet(yard: Yard) -> Iterator[Fleet]:
    database = Database(yard.home.store)
    yield Fleet(yard, database)
    database.close()


def brought(fleet: Fleet, model: Model, name: str) -> None:
    fleet.clock.now_ns += 1_000_000_000
    fleet.rollouts.start(name, model, names(10), names(1), Rules(), HERE)


def says(fleet: Fleet, state: str) -> None:
    """The boxes that were told."""
    fleet.progress.step()
    fleet.say([(each, state, {"code": "E_QUALITY"} if state == "rejected" else {}) for each in fleet.told()])
    fleet.progress.step()


def test_a_model_that_boxes_refused_or_did_not_take_yet_does_not_become_the_champion(yard: Yard, fleet: Fleet) -> None:
    registry = Registry(fleet.database, yard.home, yard.clock)
    believed(yard.home)
    digest = entered(yard, registry, "2.0.0")
    model = release(yard.repository, registry, digest, targets_key(yard.place, TARGETS_WORDS))
    fleet.introduce(names(10))
    brought(fleet, model, "first")
    says(fleet, "rejected")
    with pytest.raises(ConfigError, match=r"rollout first is halted, in which 0 of 1 boxes took it, 1 refused; make a better one"):
        registry.crown(digest, "Ada")
    brought(fleet, model, "second")
    says(fleet, "committed")
    with pytest.raises(ConfigError, match=r"rollout second is running, in which 1 of \d+ boxes took it, 0 refused; wait"):
        registry.crown(digest, "Ada")
    for _ in range(3):
        says(fleet, "committed")
    assert fleet.rollouts.get("second").state == "done"
    brought(fleet, NEW, "another")  # says nothing of this one
    assert registry.crown(digest, "Ada").model == digest
