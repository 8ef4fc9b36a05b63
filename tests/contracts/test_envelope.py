"""Envelopes and their ids: unknown keys pass, unknown majors do not, ids sort by time."""

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import CROCKFORD, MAX_BYTES, Envelope, Ulids, VersionError, read_envelope, ulid_ms
from contracts.errors import ProtocolError

WALL_NS = 1_770_000_000_123_456_789


def message(**changes: Any) -> dict[str, Any]:
    values = {
        "v": 1,
        "id": "01KGE6V7ZBXSJDMZ1N2HVQG5RA",
        "seq": 7,
        "boot": "b",
        "t": "2026-02-02T02:40:00.123456Z",
        "mono": 12.5,
        "clk": "ntp",
        "replay": False,
        "type": "event.v1",
        "profile": "street",
        "model": None,
        "data": {"a": 1},
    }
    return {**values, **changes}


def read(**changes: Any) -> Envelope:
    return read_envelope(json.dumps(message(**changes)).encode())


def test_an_envelope_survives_the_wire() -> None:
    envelope = read()
    assert json.loads(envelope.model_dump_json()) == message()


def test_unknown_keys_are_ignored() -> None:
    assert read(colour="blue") == read()


@pytest.mark.parametrize("major", [0, 2, 99])
def test_an_unknown_major_is_refused_by_name(major: int) -> None:
    with pytest.raises(VersionError, match=rf"major version {major}, this software reads 1"):
        read(v=major)


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"id": "x"}, "id"), ({"seq": 0}, "seq"), ({"t": "2026-02-02T02:40:00"}, "t"), ({"clk": "sundial"}, "clk"), ({"data": [1]}, "data")],
)
def test_a_wrong_field_is_named_and_its_value_is_not_quoted(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ProtocolError, match=rf"not an envelope: {named}"):
        read(**changes)


NESTED = st.recursive(st.none() | st.integers() | st.text(), st.lists)


@given(st.binary(max_size=300) | NESTED.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_refused_politely(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_envelope(payload)


def test_deep_and_long_payloads_are_refused() -> None:
    for payload in (b'{"v":1,"data":' + b"[" * 100_000, b'{"v":' * 50_000, b" " * (MAX_BYTES + 1)):
        with pytest.raises(ProtocolError):
            read_envelope(payload)


@given(st.lists(st.integers(0, 2**48 * 1_000_000 - 1), min_size=2, max_size=20))
def test_ids_sort_by_time(times: list[int]) -> None:
    ulids = Ulids(os.urandom)
    made = [ulids.next(t) for t in sorted(times)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert [ulid_ms(u) for u in made] == [t // 1_000_000 for t in sorted(times)]


def test_ids_of_one_millisecond_count_up() -> None:
    ulids = Ulids(lambda n: b"\xff" * n)
    first, second, third = (ulids.next(WALL_NS) for _ in range(3))
    value = {u: sum(CROCKFORD.index(c) << 5 * i for i, c in enumerate(reversed(u))) for u in (first, second, third)}
    assert (value[second] - value[first], value[third] - value[second]) == (1, 1)


def test_an_id_is_spelt_as_the_specification_does() -> None:
    assert Ulids(bytes).next(1_469_918_176_385 * 1_000_000) == "01ARYZ6S41" + "0" * 16
    Envelope.model_validate(message(id=Ulids(os.urandom).next(WALL_NS)))


def test_a_time_before_1970_carries_no_id() -> None:
    with pytest.raises(ValueError, match="no time an id can carry"):
        Ulids(os.urandom).next(-1)
