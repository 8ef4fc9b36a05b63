"""Ledger and floors: whatever is written is there after a start, in a chain; floors only rise."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import StorageError
from contracts.update import UpdateCode, UpdateState
from device.clock import BUILT_NS
from device.update.floors import Floors
from device.update.ledger import FIRST, MOST_ROWS, Ledger
from device.update.state import State
from tests.device.update.box import HandClock
from tests.device.update.repository import NOW

STATES, CODES = st.sampled_from(get_args(UpdateState)), st.none() | st.sampled_from(get_args(UpdateCode))
LEAVES = st.none() | st.booleans() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
BODIES = st.dictionaries(st.text(max_size=8), LEAVES)


@contextmanager
def state_of(folder: Path) -> Iterator[State]:
    state = State(folder / "state.sqlite")
    try:
        yield state
    finally:
        state.close()


@settings(max_examples=15)
@given(st.lists(st.tuples(STATES, CODES, BODIES), max_size=12))
def test_rows_are_a_chain_that_a_start_finds_again(rows: list[tuple[UpdateState, UpdateCode | None, dict[str, object]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = []
        with state_of(Path(folder)) as state:
            ledger = Ledger(state)
            assert ledger.head() == FIRST
            for row_state, code, body in rows:
                work = written[0].number if written else None
                if work is None:
                    with state.writing() as connection:
                        written.append(ledger.begin(body, connection))  # type: ignore[arg-type]
                else:
                    written.append(ledger.add(work, row_state, code, body))  # type: ignore[arg-type]
        with state_of(Path(folder)) as state:
            ledger = Ledger(state)
            assert ledger.rows() == written
            assert ledger.flaw() == ""
            assert ledger.head() == (written[-1].hash if written else FIRST)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger SET body = '{}' WHERE id = 2", "UPDATE ledger SET code = 'E_SIG' WHERE id = 2", "DELETE FROM ledger WHERE id = 2",
    ],
)  # fmt: skip
def test_a_row_that_somebody_changed_breaks_the_chain(tmp_path: Path, change: str) -> None:
    with state_of(tmp_path) as state:
        ledger = Ledger(state)
        with state.writing() as connection:
            work = ledger.begin({"words": "a"}, connection).number
        for words in "bcd":
            ledger.add(work, "downloading", None, {"words": words})
        assert ledger.flaw() == ""
        with state.writing() as connection:
            connection.execute(change)
        assert "not what was written" in ledger.flaw()


def test_an_assignment_has_room_for_its_end_and_no_more(tmp_path: Path) -> None:
    with state_of(tmp_path) as state:
        ledger = Ledger(state)
        with state.writing() as connection:
            work = ledger.begin({}, connection).number
        while not ledger.full(work):
            ledger.add(work, "selftest", None, {})
        ledger.add(work, "rejected", "E_CRASHLOOP", {})
        assert len(ledger.rows()) == MOST_ROWS


def test_a_state_that_cannot_be_read_is_not_begun_anew(tmp_path: Path) -> None:
    with state_of(tmp_path) as state:
        Floors(state).rise({"timestamp": 9})
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageError, match="nothing is installed until"):
        State(path)
    assert path.read_bytes().startswith(b"no database")  # it is the owner's to decide


@settings(max_examples=15)
@given(
    st.lists(st.dictionaries(st.sampled_from(["root", "timestamp:a", "seq:device:edge01"]), st.integers(0, 2**53), min_size=1), max_size=10)
)
def test_floors_only_rise(rises: list[dict[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        highest: dict[str, int] = {}
        for versions in rises:
            with state_of(Path(folder)) as state:
                Floors(state).rise(versions)
                highest = {role: max(highest.get(role, 0), versions.get(role, 0)) for role in {*highest, *versions}}
                assert Floors(state).versions() == highest


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 4 * 10**18), st.integers(0, 400)), max_size=10))
def test_the_time_never_goes_back_and_never_beyond_what_was_verified(jumps: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, state_of(Path(folder)) as state:
        floors, clock, before, furthest = Floors(state), HandClock(), 0, 0
        for wall_ns, days in jumps:
            clock.wall = wall_ns
            until = NOW + timedelta(days=days)
            furthest = max(furthest, int(until.timestamp()) * 10**9)
            floors.rise({}, until, floors.now(clock))
            clock.wall = 0  # the battery is out
            now_ns = int(floors.now(clock).timestamp() * 1e9)
            assert now_ns >= before
            assert now_ns <= max(furthest, BUILT_NS) + 1_000_000
            before = now_ns
