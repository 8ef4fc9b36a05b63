"""Who may assign: any bytes are judged, none crash, and nothing but the signed payload of a known key is followed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from contracts.dsse import KeyValue, PublicKey
from contracts.update import Assignment, AssignmentKeys, SignedAssignment, UpdateSignature
from device.update.assigned import Recipient, admit, read_assignment, sequence_of
from device.update.refusal import Refusal
from tests.device.update.repository import NOW

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PublicKey(keyval=KeyValue(public=KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()))
KEYS = AssignmentKeys(version=1, keys=[PUBLIC])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def signed(payload: str) -> bytes:
    sig = UpdateSignature(keyid=PUBLIC.keyid, sig=KEY.sign(payload.encode()).hex())
    return SignedAssignment(payload=payload, sigs=[sig]).model_dump_json().encode()


def payload(**said: object) -> str:
    return json.dumps({"device": "edge01", "seq": 1, "rollout": "r", "expires": "2026-12-01T00:00:00Z", **said})


def test_what_is_signed_is_read() -> None:
    assert read_assignment(signed(payload(seq=7)), KEYS).seq == 7


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_assignment(raw, KEYS)
    assert str(refused.value).isprintable()


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    with pytest.raises(Refusal):
        read_assignment(json.dumps({"v": 1, "payload": value, "sigs": value}).encode(), KEYS)


@given(st.dictionaries(st.sampled_from(["device", "cohort", "seq", "model", "mode", "expires", "not_before", "config"]), JSON, min_size=1))
def test_any_signed_payload_is_an_assignment_or_refused(said: dict[str, object]) -> None:
    raw = signed(payload(**said))
    try:
        assert isinstance(read_assignment(raw, KEYS), Assignment)
    except Refusal as refused:
        assert refused.code == "E_HOSTILE"
        assert str(refused).isprintable()


@given(st.data())
def test_a_changed_byte_is_never_followed(data: st.DataObject) -> None:
    raw = signed(payload())
    at = data.draw(st.integers(0, len(raw) - 1))
    spoilt = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]
    try:
        assert read_assignment(spoilt, KEYS) == read_assignment(raw, KEYS)  # a byte outside of what is signed: an unknown key
    except Refusal as refused:
        assert refused.code in {"E_SIG", "E_HOSTILE", "E_CONFIG"}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_a_number_is_followed_once_and_none_below_it(numbers: list[int]) -> None:
    floors: dict[str, int] = {}
    to = Recipient("edge01")
    followed = []
    for number in numbers:
        assignment = read_assignment(signed(payload(seq=number)), KEYS)
        try:
            admit(assignment, to, floors, [PUBLIC.keyid], NOW)
        except Refusal as refused:
            assert refused.code == "E_REPLAY"
            assert number <= max(followed)
        else:
            followed.append(number)
            floors[sequence_of(assignment, PUBLIC.keyid)] = number
    assert followed == sorted(set(followed))
    assert max(followed) == max(numbers)


def test_a_cohort_and_a_box_are_told_apart() -> None:
    whole = json.loads(payload())
    for said in ({"device": None}, {"cohort": "canary"}):
        with pytest.raises(Refusal):
            read_assignment(signed(json.dumps({**whole, **said})), KEYS)


def test_one_that_is_not_begun_before_it_expires_is_no_assignment() -> None:
    late = (NOW + timedelta(days=100)).isoformat()
    with pytest.raises(Refusal, match="not_before"):
        read_assignment(signed(payload(not_before=late)), KEYS)
