"""Health, status, alert, command: frozen, forgiving of unknown keys, strict about what they know."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.command import Command, Reply, read_command
from contracts.envelope import VersionError
from contracts.errors import ProtocolError
from contracts.health import Health
from contracts.status import Alert, Status

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
HEALTH = {
    "fps": 9.8,
    "cameras": {
        "yard": {
            "state": "online",
            "fps": 9.8,
            "fps_offered": 10.0,
            "frame_age_s": 0.05,
            "gate": "active",
            "offered": 100,
            "analysed": 95,
            "gated": 3,
            "dropped": {"busy": 2},
            "stages": {"detect": {"count": 95, "p50_ms": 30.0, "p95_ms": 40.0, "p99_ms": 50.0}},
        }
    },
    "parts": {"mqtt": {"state": "degraded", "reason": "no broker"}},
    "system": {
        "rss_bytes": 1,
        "cpu_percent": 50.0,
        "disk_total_bytes": 2,
        "disk_free_bytes": 1,
        "written_bytes": 0,
        "temperature_c": None,
        "uptime_s": 10.0,
        "clock": "ntp",
    },
}


def test_health_survives_the_wire_and_newer_keys() -> None:
    health = Health.model_validate({**HEALTH, "mood": "fine"})
    assert Health.model_validate_json(health.model_dump_json()) == health


def test_a_state_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError):
        Status.model_validate({"state": "sleepy", "session": "s"})
    with pytest.raises(ValidationError):
        Alert.model_validate({"id": "Bad Id", "level": "error", "text": "", "since": "2026-02-02T02:40:00Z"})


def test_a_command_is_read() -> None:
    command = read_command(b'{"v":1,"id":"a-1","cmd":"ping","args":{"n":1},"t":"2026-02-02T02:40:00Z","newer":true}')
    assert (command.id, command.cmd, command.args) == ("a-1", "ping", {"n": 1})


@pytest.mark.parametrize("body", [{}, {"v": 1}, {"v": 1, "id": "", "cmd": "ping"}, {"v": 1, "id": "a b", "cmd": "ping"}, {"v": True}, []])
def test_half_a_command_is_refused(body: object) -> None:
    with pytest.raises(ProtocolError):
        read_command(json.dumps(body).encode())


def test_a_command_of_tomorrow_is_refused_as_such() -> None:
    with pytest.raises(VersionError):
        read_command(b'{"v":2,"id":"a","cmd":"ping"}')


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_payload_is_a_command_or_a_refusal(payload: bytes) -> None:
    try:
        assert isinstance(read_command(payload), Command)
    except ProtocolError as refused:
        assert len(str(refused)) < 400


def test_a_reply_keeps_its_words() -> None:
    reply = Reply(id="a", ok=False, code="E_BUSY", detail="later")
    assert Reply.model_validate_json(reply.model_dump_json()) == reply
