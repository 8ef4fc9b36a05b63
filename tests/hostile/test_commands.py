"""Whoever may write to dn/cmd: no message ends the box, fills its memory or its disk, or makes it write where it should not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts.command import read_command
from contracts.errors import HardwareError, ProtocolError
from device.publish.commands import REMEMBERED
from tests.device.publish.fakes import DEVICE, Box, eventually
from tests.device.publish.mosquitto import broker_in, envelopes, listening, needs_mosquitto
from tests.device.publish.test_commands import CMD, RES, Desk

ENDS_OF_TIME = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")
MiB = 1 << 20


@pytest.mark.parametrize("t", ENDS_OF_TIME)
def test_a_time_that_does_not_exist_in_utc_is_refused(t: str) -> None:
    with pytest.raises(ProtocolError, match="t: "):
        read_command(json.dumps({"v": 1, "id": "a", "cmd": "ping", "t": t}).encode())


def test_an_answer_is_short_however_long_the_question(tmp_path: Path) -> None:
    """Answers are remembered in memory and on the disk, 256 of them."""

    def handler(args: Mapping[str, Any]) -> Mapping[str, Any]:
        raise HardwareError(f"camera {args['camera']}: there is no picture of it yet")

    desk = Desk(tmp_path, {"snapshot": handler})
    for number in range(8):
        desk.give({"id": f"n{number}", "cmd": "snapshot", "args": {"camera": "x" * (MiB - 200)}})
    assert all(len(reply.detail) <= 1000 for reply in desk.work())
    assert (tmp_path / "commands.json").stat().st_size < REMEMBERED * 2000


FOREIGN = [
    "vedette/v1/other-box/dn/cmd",
    "vedette/v1/other-box/up/res",
    "vedette/v1/fleet/dn/cmd",
    f"vedette/v1/{DEVICE}/dn/cmd",
    f"vedette/v1/{DEVICE}/up/event",
    f"vedette/v1/{DEVICE}/up/res/../event",
    f"{RES}/{'x' * 70000}",
    f"{RES}/\x01",
    f"{RES}/a\nb",
    f"{RES}/+/#",
    f"{RES}/ü",
    "$SYS/x",
    "#",
]


@pytest.mark.parametrize("topic", FOREIGN)
def test_a_reply_goes_where_replies_go_whatever_the_message_asks(tmp_path: Path, topic: str) -> None:
    desk = Desk(tmp_path)
    desk.give({"id": "a", "cmd": "ping"}, response=topic)
    desk.commands.close()
    desk.commands.run(lambda: None)
    letter = desk.notices.take()
    assert letter is not None
    assert letter.topic == RES


def odd_messages() -> list[bytes]:
    return [
        b"",
        b"\0" * 100,
        b"{" * 10_000,
        b'{"v":1,"id":"a","cmd":"ping","args":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b'{"v":1' + b"0" * 900_000 + b"}",
        b'{"v":1,"id":"a","cmd":"ping","args":{"x":1' + b"0" * 900_000 + b"}}",
        b"x" * (2 * MiB),
        '{"v":1,"id":"ü","cmd":"ping"}'.encode("utf-16"),
        *(json.dumps({"v": 1, "id": f"t{n}", "cmd": "ping", "t": t}).encode() for n, t in enumerate(ENDS_OF_TIME)),
        *(json.dumps({"v": 1, "id": f"c{n}", "cmd": cmd}).encode() for n, cmd in enumerate(("__class__", "run", "../ping", "ping\n"))),
    ]


@pytest.mark.broker
@needs_mosquitto
def test_a_box_that_was_sent_everything_still_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All over a real broker, with odd properties; afterwards a ping is answered over the connection that stood all the time."""
    with (
        broker_in(tmp_path, "max_packet_size 20000000") as broker,
        listening(broker, f"vedette/v1/{DEVICE}/up/#") as desk,
        Box(tmp_path / "box", broker) as box,
    ):
        box.await_part("mqtt", "ok")
        for number, payload in enumerate(odd_messages()):
            desk.publish(CMD, payload, ResponseTopic=f"{RES}/{number}", CorrelationData=b"\n" * 200)
            desk.publish("vedette/v1/fleet/dn/cmd", payload)
        desk.publish(CMD, b'{"v":1,"id":"last","cmd":"ping"}', ResponseTopic="vedette/v1/other-box/dn/cmd")
        desk.wait(lambda came: any(e["data"]["id"] == "last" and e["data"]["ok"] for e in envelopes(came, "res")), 40)
        assert box.tally.get("", "mqtt", "reconnect") == 0
    assert not [record for record in caplog.records if "\n" in record.getMessage()]


@pytest.mark.broker
@needs_mosquitto
def test_an_answer_the_broker_would_not_take_does_not_end_the_connection(tmp_path: Path) -> None:
    """Correlation data comes back with the answer: a question just small enough must not make an answer that is too large."""
    with (
        broker_in(tmp_path, "max_packet_size 4000") as broker,
        listening(broker, f"vedette/v1/{DEVICE}/up/#") as desk,
        Box(tmp_path / "box", broker) as box,
    ):
        box.await_part("mqtt", "ok")
        desk.publish(CMD, b'{"v":1,"id":"long","cmd":"ping"}', CorrelationData=b"c" * 3800)
        desk.publish(CMD, b'{"v":1,"id":"last","cmd":"ping"}')
        desk.wait(lambda came: any(e["data"]["id"] == "last" for e in envelopes(came, "res")))
        eventually(lambda: box.tally.get("", "mqtt", "too_large") == 1)
        assert box.tally.get("", "mqtt", "reconnect") == 0


