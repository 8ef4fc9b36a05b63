"""Rollouts: waves, thresholds, what people decide, kills; and a thousand boxes of which some fail."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from device.update.assigned import read_assignment
from tests.trainer.push.fleets import NEW, OLD, STATES, Fleet, body_of, names, public, receipt
from tests.trainer.push.yards import Yard
from tests.trainer.store.conftest import postgres, url
from trainer.accounts.audit import HERE, Audit
from trainer.push.assign import note_sent, unsent
from trainer.push.ceremony import revoke
from trainer.push.rollout import Rollout
from trainer.push.waves import Rules, waves
from trainer.registry.keys import SigningKey
from trainer.store.database import Database
from trainer.store.push_tables import assignments, rollout_boxes
from trainer.store.tables import devices

__all__ = ["postgres", "url"]


@pytest.fixture
def fleet(yard: Yard) -> Iterator[Fleet]:
    database = Database(yard.home.store)
    yield Fleet(yard, database)
    database.close()


@pytest.fixture
def anywhere(yard: Yard, url: str) -> Iterator[Fleet]:
    """On SQLite and on PostgreSQL."""
    database = Database(url)
    yield Fleet(yard, database)
    database.close()


def start(fleet: Fleet, count: int = 20, canaries: int = 2, **rules: object) -> Rollout:
    every = names(count)
    fleet.introduce(every)
    return fleet.rollouts.start("r1", NEW, every, every[:canaries], Rules.model_validate(rules), HERE)


def state(fleet: Fleet) -> str:
    return fleet.rollouts.get("r1").state


# ---- waves


@given(st.integers(1, 300), st.integers(0, 10), st.lists(st.integers(1, 99), max_size=4))
def test_each_box_is_in_one_wave_and_the_last_wave_has_everybody(count: int, canaries: int, steps: list[int]) -> None:
    every = names(count)
    placed = waves("r", every, every[:canaries], [*sorted(set(steps)), 100])
    assert sorted(placed) == every
    assert {box for box, wave in placed.items() if wave == 0} >= set(every[:canaries])


def test_ten_percent_is_ten_percent_with_its_canaries_and_another_rollout_begins_elsewhere() -> None:
    every = names(1000)
    placed = waves("r", every, every[:5], [10, 50, 100])
    assert [sum(wave <= each for wave in placed.values()) for each in range(4)] == [5, 100, 500, 1000]
    first = {box for box, wave in placed.items() if wave == 1}
    assert first != {box for box, wave in waves("s", every, every[:5], [10, 50, 100]).items() if wave == 1}


@pytest.mark.parametrize("steps", [[], [50], [50, 10, 100], [0, 100], [100, 100]])
def test_steps_that_do_not_rise_to_everybody_are_refused(steps: list[int]) -> None:
    with pytest.raises(ValueError, match="steps"):
        Rules(steps=steps)


# ---- progress


def test_wave_by_wave_to_everybody(fleet: Fleet) -> None:
    start(fleet)
    fleet.progress.step()
    told = fleet.told()
    assert sorted(str(each.device) for each in told) == names(2)
    fleet.progress.step()
    assert fleet.told() == []
    fleet.live(told, STATES)
    fleet.go()
    assert state(fleet) == "done"
    counts = fleet.rollouts.counted("r1")
    assert (counts.boxes, counts.accepted, counts.failed, counts.pending) == (20, 20, 0, 0)
    assert set(fleet.current.values()) == {NEW.digest}


def test_to_everybody_and_back_on_every_database(anywhere: Fleet) -> None:
    start(anywhere, approve=True)
    for _ in range(2):
        anywhere.go()
        anywhere.rollouts.decide("r1", "approve", HERE)
    anywhere.go()
    assert (state(anywhere), anywhere.rollouts.counted("r1").accepted) == ("done", 20)
    assert anywhere.rollouts.listed()[0][1].accepted == 20
    anywhere.rollouts.stop("r1", "blind at night", HERE)
    anywhere.go()
    assert state(anywhere) == "stopped"
    assert set(anywhere.current.values()) == {OLD.digest}


def test_an_offline_box_is_pending_and_catches_up(fleet: Fleet) -> None:
    fleet.away = {"box-0019"}
    start(fleet)
    fleet.go()
    assert state(fleet) == "done"
    assert fleet.rollouts.counted("r1").pending == 1
    fleet.away.clear()
    fleet.go()
    assert fleet.rollouts.counted("r1").pending == 0


def test_offline_canaries_hold_everything_back(fleet: Fleet) -> None:
    fleet.away = set(names(2))
    start(fleet)
    fleet.go()
    assert (state(fleet), fleet.rollouts.counted("r1").assigned) == ("running", 2)


def test_a_share_of_refusals_halts_and_calls_off_who_has_not_begun(fleet: Fleet) -> None:
    fleet.failing, fleet.away = {"box-0001"}, {"box-0000"}
    start(fleet)
    fleet.go()
    found = fleet.rollouts.get("r1")
    assert found.state == "halted"
    assert "1 of 2 boxes refused it (50.0%), at most 5.0% may" in found.why
    fleet.away.clear()
    assert [each.model for each in fleet.told()] == [None]
    assert {row["aim"] for row in fleet.rollouts.boxes("r1")} == {"", "new", "off"}


def test_so_many_refusals_may_be_and_one_more_halts(fleet: Fleet) -> None:
    fleet.failing = set(names(20)[5:8])
    start(fleet, errors=2, error_share=1.0, success=0.5)
    fleet.go()
    assert state(fleet) == "halted"
    assert "3 boxes refused it, at most 2 may" in fleet.rollouts.get("r1").why


def test_a_box_that_takes_itself_back_later_counts_as_failed(fleet: Fleet) -> None:
    start(fleet, error_share=0.0)
    fleet.progress.step()
    told = fleet.told()
    fleet.live(told)
    fleet.progress.step()
    fleet.say([(told[0], "rejected", {"code": "E_CRASHLOOP", "words": "three starts failed"})])
    fleet.progress.step()
    assert state(fleet) == "halted"


def test_reports_out_of_order_doubled_and_of_other_assignments_change_nothing(fleet: Fleet) -> None:
    start(fleet)
    fleet.progress.step()
    first = next(each for each in fleet.told() if each.device == "box-0000")
    fleet.say([(first, "committed", {}), (first, "offered", {"at": "2026-01-01T00:00:00Z"})])
    fleet.say(
        [(first.model_copy(update={"seq": first.seq + 5}), "rejected", {}), (first.model_copy(update={"rollout": "r9"}), "rejected", {})]
    )
    fleet.progress.step()
    row = fleet.rollouts.boxes("r1")[0]
    assert (row["device"], row["state"]) == ("box-0000", "committed")


def test_a_box_whose_clock_went_back_is_still_heard_when_it_comes_to_its_end(fleet: Fleet) -> None:
    start(fleet)
    fleet.progress.step()
    first = next(each for each in fleet.told() if each.device == "box-0000")
    fleet.say([(first, "offered", {"at": "2199-01-01T00:00:00Z"}), (first, "downloading", {})])
    fleet.say([(first, "committed", {})])
    fleet.progress.step()
    assert fleet.rollouts.boxes("r1")[0]["state"] == "committed"


HOSTILE = [
    {"seq": 1 << 70}, {"seq": -1}, {"rollout": "r1\0"}, {"rollout": "r" * 5000}, {"current": "x" * 100_000}, {"current": "sha256:\0"},
    {"words": "w" * 1001}, {"percent": 1e308}, {"at": "9999-12-31T23:59:59-23:59"}, {"model": "\u202e" * 80}, {"version": "9" * 5000},
]  # fmt: skip


def test_what_a_stolen_box_says_stops_no_rollout(anywhere: Fleet) -> None:
    """On each database: a report that cannot be stored is left out, and those of the others are counted."""
    start(anywhere)
    anywhere.progress.step()
    good = {"state": "committed", "rollout": "r1", "seq": 1, "at": "2026-11-22T12:00:00Z", "current": NEW.digest, "head": "0" * 64}
    batch = [anywhere._message(f"box-{number + 2:04}", {**good, **more}, "update") for number, more in enumerate(HOSTILE)]
    anywhere.writer.write(batch, anywhere.clock.now_ns // 1000)
    anywhere.go()
    assert (state(anywhere), anywhere.rollouts.counted("r1").accepted) == ("done", 20)
    assert anywhere.progress.unread == len(HOSTILE)


def test_nobody_else_can_sign_a_box_s_receipt(fleet: Fleet) -> None:
    mine, other = SigningKey(b"m" * 32), SigningKey(b"o" * 32)
    start(fleet, error_share=1.0)
    fleet.introduce([], {"box-0000": public(mine), "box-0001": public(mine)})
    fleet.progress.step()
    told = {str(each.device): each for each in fleet.told()}
    fleet.say([
        (told["box-0000"], "committed", {"receipt": receipt(fleet, told["box-0000"], mine)}),
        (told["box-0001"], "committed", {"receipt": receipt(fleet, told["box-0001"], other)}),
    ])  # fmt: skip
    fleet.progress.step()
    rows = fleet.rollouts.boxes("r1")
    assert [(row["state"], row["code"], row["signed"]) for row in rows[:2]] == [("committed", "", 1), ("rejected", "E_SIG", 0)]


# ---- what people decide


def test_paused_nobody_else_is_assigned_and_what_comes_is_counted(fleet: Fleet) -> None:
    start(fleet)
    fleet.progress.step()
    fleet.rollouts.decide("r1", "pause", HERE)
    fleet.go()
    assert fleet.rollouts.counted("r1").accepted == 2
    assert (state(fleet), fleet.rollouts.counted("r1").assigned) == ("paused", 2)
    fleet.rollouts.decide("r1", "resume", HERE)
    fleet.go()
    assert state(fleet) == "done"


def test_each_wave_waits_for_approval_where_that_is_asked_for(fleet: Fleet) -> None:
    start(fleet, approve=True)
    for accepted in (2, 10):
        fleet.go()
        assert (state(fleet), fleet.rollouts.counted("r1").accepted) == ("waiting", accepted)
        fleet.rollouts.decide("r1", "approve", HERE)
    fleet.go()
    assert state(fleet) == "done"


def test_what_makes_no_sense_is_refused(fleet: Fleet) -> None:
    start(fleet)
    for what in ("resume", "approve"):
        with pytest.raises(ConfigError, match="is running"):
            fleet.rollouts.decide("r1", what, HERE)
    with pytest.raises(ConfigError, match="is there already"):
        start(fleet)
    with pytest.raises(ConfigError, match="is in rollout r1"):
        fleet.rollouts.start("r2", NEW, ["box-0003"], [], Rules(), HERE)
    with pytest.raises(ConfigError, match="has no box"):
        fleet.rollouts.start("r2", NEW, [], [], Rules(), HERE)
    with pytest.raises(ConfigError, match="there is none"):
        fleet.rollouts.get("r7")


def test_an_emergency_stop_sends_everybody_back_to_what_they_ran(fleet: Fleet) -> None:
    fleet.away = {"box-0019"}
    start(fleet)
    fleet.go()
    assert state(fleet) == "done"
    fleet.rollouts.stop("r1", "blind at night", HERE)
    fleet.go()
    assert state(fleet) == "stopped"
    assert set(fleet.current.values()) == {OLD.digest}
    fleet.away.clear()
    assert [each.model for each in fleet.told()] == [None]
    aims = [row["aim"] for row in fleet.rollouts.boxes("r1")]
    assert (aims.count("back"), aims.count("off")) == (19, 1)


def test_a_box_that_took_it_before_it_heard_of_the_stop_goes_back_too(fleet: Fleet) -> None:
    start(fleet)
    fleet.progress.step()
    told = fleet.told()
    fleet.say([(each, "offered", {}) for each in told])
    fleet.progress.step()
    fleet.current.update({str(each.device): NEW.digest for each in told})  # unheard: its report is under way
    fleet.rollouts.stop("r1", "wrong one", HERE)
    fleet.go()
    assert {fleet.current[box] for box in names(2)} == {OLD.digest}


def test_what_cannot_go_back_says_what_to_do(fleet: Fleet) -> None:
    del fleet.released[OLD.target]
    start(fleet)
    fleet.go()
    fleet.rollouts.stop("r1", "blind at night", HERE)
    fleet.go()
    row = fleet.rollouts.boxes("r1")[0]
    assert row["aim"] == "left"
    assert "vedette models rollback" in row["words"]


def test_numbers_only_rise_even_when_the_store_comes_from_an_old_copy(fleet: Fleet) -> None:
    start(fleet)
    fleet.go()
    before = dict(fleet.seen)
    with fleet.database.write() as connection:
        connection.execute(assignments.delete())
    fleet.clock.now_ns += 1_000_000_000
    fleet.rollouts.stop("r1", "again", HERE)
    while fleet.progress.step():
        pass
    assert {str(each.device) for each in fleet.told()} == set(before)


def test_every_decision_is_in_the_audit_and_its_chain_holds(fleet: Fleet) -> None:
    start(fleet)
    fleet.go()
    fleet.rollouts.stop("r1", "because", HERE)
    fleet.go()
    audit = Audit(fleet.database, fleet.clock)
    actions = [deed.action for deed in reversed(audit.page())]
    assert actions[0] == "rollout started"
    assert actions[-2:] == ["rollout stop", "rollout stopped"]
    assert actions.count("boxes assigned") == 3
    assert audit.broken() is None


def test_after_the_key_was_revoked_what_is_pending_is_signed_by_the_new_one(fleet: Fleet) -> None:
    fleet.away = {"box-0001"}
    start(fleet)
    fleet.progress.step()
    fleet.live(fleet.told())
    fleet.progress.step()
    with fleet.database.write() as connection:
        note_sent(connection, [(each.device, each.seq) for each in unsent(connection, 100)])
    old = fleet.yard.keys.keys[0].keyid
    revoke(fleet.yard.home, fleet.clock, old, "stolen", fleet.yard.brought)
    fleet.progress.step()
    with fleet.database.read() as connection:
        again = unsent(connection, 100)
    assert [each.device for each in again] == ["box-0001"]
    assert read_assignment(again[0].body.encode(), fleet.yard.keys).model == NEW
    fleet.away.clear()
    fleet.go()
    assert state(fleet) == "done"


# ---- kills


def _steps(yard: Yard, at: int) -> None:
    """A program that dies before its commit of that number."""
    from sqlalchemy import event

    database = Database(yard.home.store)
    fleet, left = Fleet(yard, database), [at]

    def die(_connection: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "commit", die)
    fleet.go()


@pytest.mark.parametrize("at", [1, 2, 5])
def test_killed_at_a_commit_the_next_one_goes_on(yard: Yard, fleet: Fleet, at: int) -> None:
    start(fleet)
    process = multiprocessing.get_context("spawn").Process(target=_steps, args=(yard, at))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    fleet.clock.now_ns += 60_000_000_000
    fleet.open()
    fleet.writer.forget()
    fleet.go()
    assert state(fleet) == "done"
    assert fleet.rollouts.counted("r1").accepted == 20


# ---- a thousand


@pytest.mark.parametrize(("rules", "most"), [({"error_share": 0.02}, 2), ({"errors": 20, "error_share": 1.0}, 20)])
def test_a_thousand_boxes_of_which_three_percent_fail_stop_at_the_threshold(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], rules: dict[str, object], most: int
) -> None:
    every, chance = names(1000), random.Random(5)
    fleet.failing = set(chance.sample(every[10:], 30))
    fleet.introduce(every)
    began = time.monotonic()
    fleet.rollouts.start("r1", NEW, every, every[:10], Rules.model_validate(rules), HERE)
    took = set()
    while state(fleet) == "running":
        while fleet.progress.step():
            pass
        fresh = fleet.told()
        chance.shuffle(fresh)
        for at in range(0, len(fresh), 20):
            if state(fleet) == "running":
                fleet.live(fresh[at : at + 20], STATES)
                took |= {str(each.device) for each in fresh[at : at + 20]}
            fleet.progress.step()
    found, counts = fleet.rollouts.get("r1"), fleet.rollouts.counted("r1")
    with capsys.disabled():
        said = f"{found.why}; {counts.accepted} took it, {fleet.messages} reports, {time.monotonic() - began:.1f} s"
        sys.stdout.write(f"\n{said}\n")
    assert found.state == "halted"
    assert most < counts.failed <= most + 5
    assert counts.accepted + counts.failed == len(took) < 1000
    with fleet.database.read() as connection:
        rest = [body_of(each.body) for each in unsent(connection, 5000)]
    assert {each.device for each in rest if each.model is not None} == took


def test_a_box_of_before_whose_name_is_somebody_elses_now_holds_up_nobody(fleet: Fleet) -> None:
    fleet.introduce(names(2))
    fleet.rollouts.start("r1", NEW, names(2), names(2), Rules(), HERE)
    with fleet.database.write() as connection:
        row = {"name": "trainer-west", "first_us": 1, "last_us": 1}
        connection.execute(devices.insert(), row)
        connection.execute(rollout_boxes.insert(), {"rollout": "r1", "device": row["name"], "wave": 0})
        body = {"body": "{}", "sent": 0, "made_us": 0}
        connection.execute(assignments.insert(), {"device": "broker", "seq": 1, "rollout": "r0", **body})
    fleet.seen["broker"] = 1  # it is away
    assert fleet.rollouts.heard_of() == names(2)
    fleet.go()
    assert fleet.rollouts.get("r1").state == "done"
    with fleet.database.read() as connection:
        assert {each.device for each in unsent(connection, 10)} == set(names(2))
