"""Commands from outside: done once, answered always, and nothing that comes in can stop the box."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.letters import Incoming
from contracts.command import Reply
from contracts.errors import HardwareError
from contracts.topics import Topics
from contracts.wire import utc_from_ns
from device.clock import ClockState
from device.pipeline.board import Board
from device.pipeline.channel import Channel, nothing
from device.pipeline.tally import Tally
from device.publish.commands import BURST, QUEUE, REMEMBERED, Commands, Handler, Memory
from device.publish.notices import Notices
from device.publish.stamp import Stamp
from tests.clocks import HandClock
from tests.device.publish.fakes import DEVICE, Box
from tests.device.publish.mosquitto import Broker, envelopes, listening, needs_mosquitto

CMD = f"vedette/v1/{DEVICE}/dn/cmd"
RES = f"vedette/v1/{DEVICE}/up/res"


class Desk:
    """Commands with everything they touch, worked off when asked to."""

    def __init__(self, folder: Path, handlers: Mapping[str, Handler] | None = None) -> None:
        self.clock, self.board, self.tally = HandClock(), Board(), Tally()
        self.notices = Notices(self.tally)
        stamp = Stamp(self.clock, "street", boot="b")
        memory = Memory(folder / "commands.json")
        self.commands = Commands(
            Topics(DEVICE), handlers or {}, memory, notices=self.notices, stamp=stamp, board=self.board, tally=self.tally
        )

    def give(self, payload: bytes | dict[str, Any], retain: bool = False, response: str | None = None) -> None:
        content = payload if isinstance(payload, bytes) else json.dumps({"v": 1, **payload}).encode()
        self.commands.receive(Incoming(CMD, content, retain, None, response, b"c"))

    def work(self) -> list[Reply]:
        self.commands.close()
        self.commands.run(nothing)
        return self.replies()

    def replies(self) -> list[Reply]:
        taken = []
        while (letter := self.notices.take()) is not None:
            assert letter.correlation == b"c"
            taken.append(Reply.model_validate(json.loads(letter.payload)["data"]))
        return taken


def counting() -> tuple[list[Any], Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
    calls: list[Any] = []

    def handler(args: Mapping[str, Any]) -> Mapping[str, Any]:
        calls.append(dict(args))
        return {"number": len(calls)}

    return calls, handler


def test_a_command_is_done_and_answered(tmp_path: Path) -> None:
    calls, handler = counting()
    desk = Desk(tmp_path, {"snapshot": handler})
    desk.give({"id": "a", "cmd": "snapshot", "args": {"camera": "yard"}})
    assert [(r.id, r.ok, r.data) for r in desk.work()] == [("a", True, {"number": 1})]
    assert calls == [{"camera": "yard"}]


def test_a_repeat_is_answered_from_memory_even_after_a_restart(tmp_path: Path) -> None:
    calls, handler = counting()
    for repeat in (False, True):
        desk = Desk(tmp_path, {"snapshot": handler})
        desk.give({"id": "a", "cmd": "snapshot"})
        desk.give({"id": "a", "cmd": "snapshot"})
        assert [(r.data, r.repeat) for r in desk.work()] == [({"number": 1}, repeat)]
    assert len(calls) == 1


def test_a_restart_in_the_middle_of_a_command_does_not_do_it_again(tmp_path: Path) -> None:
    def dies(_args: Mapping[str, Any]) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    desk = Desk(tmp_path, {"restart": dies})
    desk.give({"id": "a", "cmd": "restart"})
    with pytest.raises(KeyboardInterrupt):
        desk.work()
    again = Desk(tmp_path, {"restart": dies})
    again.give({"id": "a", "cmd": "restart"})
    assert [(r.ok, r.code) for r in again.work()] == [(False, "E_INTERRUPTED")]


def test_the_last_256_are_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "commands.json")
    for number in range(REMEMBERED + 10):
        memory.remember(str(number), Reply(id=str(number), ok=True))
    again = Memory(tmp_path / "commands.json")
    assert not again.begun("9")
    assert again.begun("10")


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"[]", b'{"replies": 3}', b'{"format": 1}'])
def test_a_spoilt_memory_is_forgotten_not_fatal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "commands.json").write_bytes(content)
    desk = Desk(tmp_path)
    desk.give({"id": "a", "cmd": "ping"})
    assert [r.ok for r in desk.work()] == [True]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "E_INVALID"),
        (b"\xff\xfe", "E_INVALID"),
        (b'{"v":2,"id":"a","cmd":"ping"}', "E_VERSION"),
        ({"id": "a", "cmd": "dance"}, "E_UNKNOWN"),
        ({"id": "a", "cmd": "ping", "t": "2020-01-01T00:00:00Z"}, "E_EXPIRED"),
        ({"id": "a", "cmd": "ping", "t": "2120-01-01T00:00:00Z"}, "E_EARLY"),
    ],
)
def test_what_is_wrong_is_answered_with_its_code(tmp_path: Path, payload: Any, code: str) -> None:
    desk = Desk(tmp_path)
    desk.give(payload)
    assert [(r.ok, r.code) for r in desk.work()] == [(False, code)]
    assert desk.tally.get("", "commands", code) == 1


def test_an_unknown_major_degrades_the_part_until_a_good_command_comes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.give(b'{"v":2,"id":"a","cmd":"ping"}')
    assert desk.board.parts()["commands"].state == "degraded"
    desk.give({"id": "b", "cmd": "ping"})
    assert desk.board.parts()["commands"].state == "ok"


def test_age_is_not_judged_by_a_clock_nobody_set(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.clock.said = "unsynced"
    desk.give({"id": "a", "cmd": "ping", "t": "2020-01-01T00:00:00Z"})
    assert [r.ok for r in desk.work()] == [True]


@pytest.mark.parametrize(("clock", "ahead_s", "ok"), [("ntp", 59, True), ("ntp", 61, False), ("rtc", 3600, True), ("unsynced", 3600, True)])
def test_a_command_of_the_future_is_refused_by_a_clock_that_is_set(tmp_path: Path, clock: ClockState, ahead_s: int, ok: bool) -> None:
    desk = Desk(tmp_path)
    desk.clock.said = clock
    t = utc_from_ns(desk.clock.wall + ahead_s * 1_000_000_000).isoformat()
    desk.give({"id": "a", "cmd": "ping", "t": t})
    assert [(r.ok, r.code) for r in desk.work()] == [(ok, "" if ok else "E_EARLY")]


def test_commands_are_paced_a_few_at_once_then_one_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is written down twice: without that, whoever may give commands wears the disk out."""
    monkeypatch.setattr("device.publish.commands.QUEUE", 10_000)
    desk = Desk(tmp_path)
    desk.commands._orders = Channel(10_000, "block")
    for number in range(BURST + 70):
        desk.give({"id": str(number), "cmd": "ping"})
    refused = desk.replies()
    assert 69 <= len(refused) <= 71 and {r.code for r in refused} == {"E_BUSY"}
    assert "more commands than mqtt.commands_per_minute allows; try again in " in refused[0].detail
    assert desk.tally.get("", "commands", "E_BUSY") == len(refused)
    desk.clock.advance(10)
    for number in range(100, 150):
        desk.give({"id": str(number), "cmd": "ping"})
    assert 38 <= len(desk.replies()) <= 41


def test_a_retained_command_is_refused(tmp_path: Path) -> None:
    calls, handler = counting()
    desk = Desk(tmp_path, {"restart": handler})
    desk.give({"id": "a", "cmd": "restart"}, retain=True)
    assert [r.code for r in desk.work()] == ["E_RETAINED"]
    assert calls == []


def test_too_many_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for number in range(QUEUE + 3):
        desk.give({"id": str(number), "cmd": "ping"})
    assert [r.code for r in desk.replies()] == ["E_BUSY"] * 3
    assert len(desk.work()) == QUEUE


@pytest.mark.parametrize(
    ("error", "detail"), [(HardwareError("camera yard: gone"), "camera yard: gone"), (ZeroDivisionError(), "ZeroDivisionError")]
)
def test_a_handler_that_fails_is_an_answer_not_a_crash(tmp_path: Path, error: Exception, detail: str) -> None:
    def fails(_args: Mapping[str, Any]) -> Mapping[str, Any]:
        raise error

    desk = Desk(tmp_path, {"snapshot": fails})
    desk.give({"id": "a", "cmd": "snapshot"})
    desk.give({"id": "b", "cmd": "ping"})
    assert [(r.ok, r.code, r.detail) for r in desk.work()] == [(False, "E_FAILED", detail), (True, "", "")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=300), st.booleans(), st.none() | st.text(max_size=40))
def test_no_payload_crashes_the_desk(tmp_path: Path, payload: bytes, retain: bool, response: str | None) -> None:
    desk = Desk(tmp_path)
    desk.give(payload, retain, response)
    assert all(not reply.ok for reply in desk.replies())


@pytest.mark.broker
@needs_mosquitto
class TestOverTheWire:
    """The same through a real broker."""

    def test_the_reply_comes_back_with_its_correlation(self, tmp_path: Path, broker: Broker) -> None:
        with listening(broker, f"{RES}/#") as listener, Box(tmp_path, broker) as box:
            box.await_part("mqtt", "ok")
            command = b'{"v":1,"id":"a","cmd":"ping"}'
            listener.publish(CMD, command, ResponseTopic=f"{RES}/desk", CorrelationData=b"\x01\x02", MessageExpiryInterval=60)
            message = listener.wait(lambda m: m)[0]
        assert message.topic == f"{RES}/desk"
        assert message.properties.CorrelationData == b"\x01\x02"
        assert envelopes([message], "res")[0]["data"]["data"] == {"pong": True}

    def test_the_whole_fleet_can_be_asked(self, tmp_path: Path, broker: Broker) -> None:
        with listening(broker, RES) as listener, Box(tmp_path, broker) as box:
            box.await_part("mqtt", "ok")
            listener.publish("vedette/v1/fleet/dn/cmd", b'{"v":1,"id":"a","cmd":"ping"}')
            listener.wait(lambda m: m)

    def test_a_retained_command_is_refused_when_it_comes_and_when_it_lay_there(self, tmp_path: Path, broker: Broker) -> None:
        calls, handler = counting()
        with listening(broker, RES) as listener:
            for count in (1, 2):
                with Box(tmp_path, broker, handlers={"restart": handler}) as box:
                    box.await_part("mqtt", "ok")
                    if count == 1:
                        listener.publish(CMD, b'{"v":1,"id":"a","cmd":"restart"}', retain=True)
                    listener.wait(lambda m, wanted=count: len(m) >= wanted)
            codes = {e["data"]["code"] for e in envelopes(listener.messages, "res")}
        assert codes == {"E_RETAINED"}
        assert calls == []

    def test_a_command_given_while_the_box_was_away_waits_for_it(self, tmp_path: Path, broker: Broker) -> None:
        with listening(broker, RES) as listener:
            with Box(tmp_path, broker) as box:
                box.await_part("mqtt", "ok")
            listener.publish(CMD, b'{"v":1,"id":"late","cmd":"ping"}', MessageExpiryInterval=60)
            with Box(tmp_path, broker):
                assert envelopes(listener.wait(lambda m: m), "res")[0]["data"]["id"] == "late"

    def test_a_slow_command_does_not_hold_up_events(self, tmp_path: Path, broker: Broker) -> None:
        from tests.device.publish.fakes import event

        release = threading.Event()

        def slow(_args: Mapping[str, Any]) -> Mapping[str, Any]:
            release.wait(20)
            return {}

        with listening(broker, f"vedette/v1/{DEVICE}/up/#") as listener, Box(tmp_path, broker, handlers={"slow": slow}) as box:
            box.await_part("mqtt", "ok")
            listener.publish(CMD, b'{"v":1,"id":"a","cmd":"slow"}')
            box.put(event(1))
            listener.wait(lambda m: envelopes(m))
            assert not envelopes(listener.messages, "res")
            release.set()
            listener.wait(lambda m: envelopes(m, "res"))

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=1, deadline=None)
    @given(st.lists(st.binary(max_size=200), min_size=100, max_size=100))
    def test_a_hundred_strange_payloads_leave_it_answering(self, tmp_path: Path, broker: Broker, payloads: list[bytes]) -> None:
        with listening(broker, RES) as listener, Box(tmp_path, broker) as box:
            box.await_part("mqtt", "ok")
            for payload in payloads:
                listener.publish(CMD, payload or b"?")
            listener.publish(CMD, b'{"v":1,"id":"after","cmd":"ping"}')
            listener.wait(lambda m: any(e["data"]["id"] == "after" for e in envelopes(m, "res")))
            assert box.tally.get("", "mqtt", "reconnect") == 0
