"""Topics: what is built is read back, what is not ours is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.errors import ConfigError, ProtocolError
from contracts.topics import DN, UP, DeviceId, Topic, Topics, fleet, read_topic, reserved

DEVICES = st.from_regex(r"[a-z0-9-]{3,40}", fullmatch=True).filter(lambda d: not reserved(d))
OTHERS = ("homeassistant", "node-red", "prometheus", "broker", "trainer", "trainer-2")


@given(DEVICES, st.sampled_from(UP), st.sampled_from(DN))
def test_what_is_built_is_read_back(device: str, up: str, dn: str) -> None:
    topics = Topics(device)
    assert read_topic(topics.up(up)) == Topic(device, "up", up)
    assert read_topic(topics.dn(dn)) == Topic(device, "dn", dn)
    assert read_topic(topics.alert("camera-yard")) == Topic(device, "up", "alert", "camera-yard")


def test_the_fleet_reads_and_never_writes() -> None:
    assert read_topic(fleet("cmd")) == Topic(None, "dn", "cmd")
    with pytest.raises(ProtocolError):
        read_topic("vedette/v1/fleet/up/event")


@pytest.mark.parametrize("device", ["fleet", "ab", "Box1", "a/b", "a+b", "x" * 41, "", "box\n", *OTHERS])
def test_a_device_id_that_is_not_possible_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match="use 3 to 40"):
        Topics(device)

    class Holder(BaseModel):
        device: DeviceId

    with pytest.raises(ValidationError):
        Holder(device=device)


@pytest.mark.parametrize("name", OTHERS)
def test_who_is_no_box_is_heard_as_none(name: str) -> None:
    """At our broker each certificate may write under its own name: Home Assistant's would otherwise be one more box."""
    with pytest.raises(ProtocolError, match="is no box"):
        read_topic(f"vedette/v1/{name}/up/event")


@given(st.text(max_size=80))
def test_any_other_topic_is_refused(topic: str) -> None:
    if not re.match(r"vedette/v1/", topic):
        with pytest.raises(ProtocolError):
            read_topic(topic)


@pytest.mark.parametrize("topic", ["vedette/v2/box/up/event", "vedette/v1/box/up/nothing", "vedette/v1/box/dn/event", "vedette/v1/box/up"])
def test_near_misses_are_refused(topic: str) -> None:
    with pytest.raises(ProtocolError):
        read_topic(topic)


def test_an_unknown_name_is_a_mistake_of_ours() -> None:
    for build in (lambda: Topics("box").up("cmd"), lambda: Topics("box").dn("event"), lambda: Topics("box").alert("Not This")):
        with pytest.raises(ValueError, match="is not"):
            build()


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("vedette/v1/box/up/res", True),
        ("vedette/v1/box/up/res/desk-7", True),
        ("vedette/v1/box/up/response", False),
        ("vedette/v1/box/up/res/#", False),
        ("vedette/v1/other/up/res", False),
        ("vedette/v1/box/up/event", False),
        ("homeassistant/x", False),
        ("", False),
    ],
)
def test_a_stranger_cannot_choose_where_a_reply_goes(topic: str, allowed: bool) -> None:
    assert Topics("box").is_reply(topic) is allowed
