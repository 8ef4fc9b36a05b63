"""What counts as accepted: the receipt of the box's own key, and not that somebody says so for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.trainer.push.fleets import NEW, Fleet, names, public, receipt
from tests.trainer.push.yards import Yard
from trainer.accounts.audit import HERE
from trainer.push.waves import Rules
from trainer.registry.keys import SigningKey
from trainer.store.database import Database


@pytest.fixture
def fleet(yard: Yard) -> Iterator[Fleet]:
    database = Database(yard.home.store)
    yield Fleet(yard, database)
    database.close()


def test_a_box_that_showed_a_key_has_accepted_nothing_until_it_signs_that(fleet: Fleet) -> None:
    """Else whoever answers for a broker leaves the receipt out, and brings a bad model from wave to wave."""
    mine = SigningKey(b"m" * 32)
    fleet.introduce(names(4))
    fleet.introduce([], {"box-0000": public(mine)})
    fleet.rollouts.start("r1", NEW, names(4), names(1), Rules(), HERE)
    fleet.progress.step()
    (told,) = fleet.told()

    def said(state: str, **more: object) -> tuple[object, ...]:
        fleet.say([(told, state, more)])
        fleet.progress.step()
        row, counts = fleet.rollouts.boxes("r1")[0], fleet.rollouts.counted("r1")
        return row["state"], row["signed"], counts.accepted, counts.assigned

    assert said("trial") == ("trial", 0, 0, 1)
    assert said("committed") == ("trial", 0, 0, 1)
    assert "without a receipt of its key" in fleet.rollouts.boxes("r1")[0]["words"]
    assert said("committed", receipt=receipt(fleet, told, mine))[:3] == ("committed", 1, 1)
    assert said("committed") == ("committed", 1, 1, 2), "an older version says it again without, after a start"
