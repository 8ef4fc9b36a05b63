"""Attacks on time: nothing new is let through, and clocks that are wrong; each ends in its refusal, and the old model serves."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from securesystemslib.signer import CryptoSigner

from tests.device.update.attacks import DAY, refused, waits
from tests.device.update.box import TestBox
from tests.device.update.repository import NOW, Repository
from vision.bundle import StoredBundle

pytestmark = pytest.mark.usefixtures("old_model_serves")


def looks_for_news(box: TestBox) -> None:
    """As once a day."""
    box.updater._refreshed_ns = -(10**18)
    box.go()


def test_freeze_nothing_new_is_let_through(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    model = repository.release(v2)
    repository.publish()
    box.clock.at(NOW + 31 * DAY)
    waits(box, repository.assign(model, expires=NOW + 90 * DAY), "E_FREEZE")
    box.clock.at(NOW + 91 * DAY)
    assert (box.go().state, box.last.code) == ("rejected", "E_EXPIRED")


def test_freeze_with_a_clock_that_is_back_in_1970(repository: Repository, box: TestBox, v2: StoredBundle) -> None:
    """What was known to be over once is over, whatever the clock says: the battery is out, and somebody serves old metadata."""
    model = repository.release(v2)
    repository.publish()
    looks_for_news(box)
    keys = next(name for name in box.parts.floors.versions() if name.startswith("timestamp:"))
    box.parts.floors.rise({}, NOW + 30 * DAY, NOW + 40 * DAY, keys)  # the last time server said so; more than the end is not kept
    box.clock.wall, box.clock.said = 0, "unsynced"
    assert box.parts.floors.now(box.clock) == NOW + 30 * DAY
    waits(box, repository.assign(model, expires=NOW + 400 * DAY), "E_FREEZE")


def test_a_clock_that_jumps_a_hundred_years_blocks_for_as_long_as_it_is_wrong(
    repository: Repository, box: TestBox, v2: StoredBundle
) -> None:
    model = repository.release(v2)
    repository.publish()
    box.clock.at(NOW + 36_500 * DAY)
    refused(box, repository.assign(model), "E_EXPIRED")
    waits(box, repository.assign(model, expires=NOW + 40_000 * DAY), "E_FREEZE")
    box.clock.at(NOW)
    assert box.parts.floors.now(box.clock) == NOW  # the jump left nothing behind


def test_an_online_key_that_signs_for_ever_and_a_clock_that_was_led_astray_are_mended_by_a_new_root(
    repository: Repository, box: TestBox, v2: StoredBundle
) -> None:
    """What was remembered of the time belongs to the keys that it was verified with."""
    model = repository.release(v2)
    repository.publish()
    repository.freshen(expires=datetime(9999, 12, 31, tzinfo=timezone.utc))  # by the thief
    box.clock.at(NOW + 300 * DAY)  # and somebody answers for the time server
    looks_for_news(box)
    assert box.parts.floors.now(box.clock) == NOW + 300 * DAY
    box.clock.at(NOW + DAY)
    repository.freshen(expires=NOW + 30 * DAY)
    waits(box, repository.assign(model, expires=NOW + 400 * DAY), "E_FREEZE")
    fresh = CryptoSigner.generate_ed25519()
    repository.signers |= {"snapshot": fresh, "timestamp": fresh}
    repository.targets.clear()
    repository.new_root()
    repository.publish()
    assert (box.go().state, box.last.code) == ("rejected", "E_SIG")  # judged by what is new: it was taken back meanwhile
    assert box.parts.floors.now(box.clock) == NOW + DAY
