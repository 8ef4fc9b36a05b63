"""The MQTT worker against a real mosquitto: nothing lost, nothing held up, and every trap of the client library answered."""

from __future__ import annotations

import gc
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from broker.letters import Letter
from broker.link import Link
from contracts.envelope import read_envelope
from tests.device.publish.fakes import DEVICE, Box, event, eventually
from tests.device.publish.mosquitto import Broker, broker_in, envelopes, listening, needs_mosquitto

pytestmark = [pytest.mark.broker, needs_mosquitto]
EVENTS = f"vedette/v1/{DEVICE}/up/event"
ALL = f"vedette/v1/{DEVICE}/up/#"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def complete(count: int, after: int = 0) -> Any:
    """Every number after `after`, up to `count`, has come."""
    return lambda messages: {e["seq"] for e in envelopes(messages)} >= set(range(after + 1, count + 1))


def test_an_event_arrives_in_its_envelope(tmp_path: Path, broker: Broker) -> None:
    with listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.put(event(1))
        message = listener.wait(lambda m: m)[0]
    envelope = read_envelope(message.payload)
    assert (envelope.seq, envelope.type, envelope.replay, envelope.profile) == (1, "event.v1", False, "street")
    assert envelope.data == event(1).model_dump(mode="json")
    assert envelope.t == event(1).t
    assert message.properties.MessageExpiryInterval == 604_800
    assert not message.retain


def test_events_go_over_a_unix_socket(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    with broker_in(folder, unix=True) as broker, listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.put(event(1), event(2))
        listener.wait(complete(2))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_broker_that_is_away_for_a_while_costs_no_event_and_doubles_none(tmp_path: Path, broker: Broker, how: int) -> None:
    with listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.put(*(event(n) for n in range(1, 101)))
        eventually(lambda: box.tally.get("", "mqtt", "delivered") > 20)
        broker.kill(how)
        box.put(*(event(n) for n in range(101, 301)))
        box.await_part("mqtt", "degraded")
        # mosquitto acknowledges before it saves: what a killed one took over is its own to lose, and the holes in `seq` show it
        taken_over = box.tally.get("", "mqtt", "delivered") if how == signal.SIGKILL else 0
        broker.start()
        box.put(*(event(n) for n in range(301, 401)))
        messages = listener.wait(complete(400, after=taken_over))
    came = envelopes(messages)
    numbers = {e["seq"] for e in came}
    assert max(numbers) == 400
    assert len({e["id"] for e in came}) == len(numbers)
    assert len({(e["id"], e["seq"]) for e in came}) == len(numbers), "a message that came twice has the same id and number"


def test_what_was_acknowledged_is_gone_after_a_restart(tmp_path: Path, broker: Broker) -> None:
    with listening(broker, EVENTS) as listener:
        with Box(tmp_path, broker) as box:
            box.put(*(event(n, "end") for n in range(1, 6)))
            listener.wait(complete(5))
            eventually(lambda: box.tally.get("", "mqtt", "delivered") == 5)
        with Box(tmp_path, broker) as box:
            assert box.outbox.health().depth == 0
            box.put(event(6))
            messages = listener.wait(complete(6))
    assert [e["seq"] for e in envelopes(messages)] == [1, 2, 3, 4, 5, 6]


def test_events_of_a_box_without_a_broker_are_sent_by_the_next_run_marked_as_replay(tmp_path: Path, broker: Broker) -> None:
    broker.kill(signal.SIGTERM)
    with Box(tmp_path, broker, {"drain_s": 0, "late_s": 0.01}) as box:
        box.put(*(event(n, "end") for n in range(1, 4)))
        eventually(lambda: box.outbox.last_seq == 3)
    broker.start()
    with listening(broker, EVENTS) as listener, Box(tmp_path, broker, {"late_s": 0.01}):
        messages = listener.wait(complete(3))
    assert [e["replay"] for e in envelopes(messages)] == [True] * 3


def test_what_waited_is_caught_up_at_its_pace_while_fresh_events_pass(tmp_path: Path, broker: Broker) -> None:
    broker.kill(signal.SIGTERM)
    with Box(tmp_path, broker, {"late_s": 0.05, "replay_per_s": 10}) as box, listening_later(broker) as start_listening:
        box.put(*(event(n) for n in range(1, 41)))
        eventually(lambda: box.outbox.last_seq == 40)
        threading.Event().wait(0.1)  # they are late now
        listener = start_listening()
        box.await_part("mqtt", "ok")
        began, before = box.clock.mono_ns(), box.tally.get("", "mqtt", "delivered")
        box.put(event(41))
        eventually(lambda: box.tally.get("", "mqtt", "delivered") == 41)
        took_s = (box.clock.mono_ns() - began) / 1e9
        listener.wait(lambda messages: any(e["seq"] == 41 for e in envelopes(messages)))
    assert took_s > (40 - before) / 10 - 1.5, "late events at 10 a second"
    came = envelopes(listener.messages)
    numbers = [e["seq"] for e in came]
    assert numbers.index(41) < len(numbers) - 1, "the fresh one did not wait for the late ones"
    late = [e["seq"] for e in came if e["replay"]]
    assert late == sorted(late)


def test_a_broker_that_stops_answering_is_left_and_found_again(tmp_path: Path, broker: Broker) -> None:
    with listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.put(event(1))
        listener.wait(complete(1))
        broker.pause()
        before = box.clock.mono_ns()
        box.put(*(event(n) for n in range(2, 500)))
        eventually(lambda: box.outbox.last_seq == 499)
        assert (box.clock.mono_ns() - before) / 1e9 < 5, "a frozen broker holds up nobody"
        reason = box.await_part("mqtt", "degraded")
        assert "acknowledged nothing" in reason or "does not answer" in reason
        broker.resume()
        listener.wait(complete(499))
        box.await_part("mqtt", "ok")


def test_an_idle_connection_to_a_frozen_broker_is_noticed_by_its_missing_ping(tmp_path: Path, broker: Broker) -> None:
    with Box(tmp_path, broker, {"keepalive_s": 1, "ack_timeout_s": 60}) as box:
        box.await_part("mqtt", "ok")
        eventually(lambda: box.tally.percentiles().get(("", "mqtt.ack")))
        broker.pause()
        box.await_part("mqtt", "degraded")
        broker.resume()
        box.await_part("mqtt", "ok")


def test_birth_farewell_and_will_carry_the_session(tmp_path: Path, broker: Broker) -> None:
    with listening(broker, f"vedette/v1/{DEVICE}/up/status") as listener:
        with Box(tmp_path, broker):
            listener.wait(lambda m: len(m) == 1)
        online, offline = (e["data"] for e in envelopes(listener.wait(lambda m: len(m) == 2), "status"))
    assert (online["state"], offline["state"]) == ("online", "offline")
    assert online["session"] == offline["session"]
    with listening(broker, f"vedette/v1/{DEVICE}/up/status", client_id="later") as later:
        retained = later.wait(lambda m: m)[0]
        assert retained.retain
        assert envelopes([retained], "status")[0]["data"]["state"] == "offline"


def test_a_box_that_vanishes_is_lost_under_the_session_of_its_birth_and_a_stale_loss_is_known_by_it(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(broker, f"vedette/v1/{DEVICE}/up/status") as listener, Box(tmp_path, broker) as box:
        listener.wait(lambda m: len(m) == 1)
        box.mqtt._staying.link.lose("cable cut")  # type: ignore[union-attr]  # the link is closed without a farewell
        box.mqtt.wake()
        messages = listener.wait(lambda m: {"lost", "online"} <= {e["data"]["state"] for e in envelopes(m[1:], "status")})
    births = [e["data"]["session"] for e in envelopes(messages, "status") if e["data"]["state"] == "online"]
    lost = [e["data"]["session"] for e in envelopes(messages, "status") if e["data"]["state"] == "lost"]
    assert lost == [births[0]]
    assert births[1] != births[0], "whoever hears the loss after the second birth knows that it is of the first"


def test_a_quick_return_cancels_the_will(tmp_path: Path, broker: Broker) -> None:
    with listening(broker, f"vedette/v1/{DEVICE}/up/status") as listener, Box(tmp_path, broker, {"will_delay_s": 2}) as box:
        listener.wait(lambda m: len(m) == 1)
        box.mqtt._staying.link.lose("cable cut")  # type: ignore[union-attr]
        box.mqtt.wake()
        listener.wait(lambda m: len(m) == 2)
        threading.Event().wait(2.5)  # nothing must come: the will's delay has to pass
        assert [e["data"]["state"] for e in envelopes(listener.messages, "status")] == ["online", "online"]


def test_the_session_at_the_broker_outlives_the_process(tmp_path: Path, broker: Broker) -> None:
    seen: list[bool] = []
    for _ in range(2):
        with Box(tmp_path, broker) as box:
            box.await_part("mqtt", "ok")
            assert box.mqtt._staying.link
            seen.append(box.mqtt._staying.link.session_present)
    assert seen == [False, True], "clean_start is off: what came for the box in between was kept"


def test_the_brokers_receive_maximum_limits_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outstanding: list[int] = []
    honest = Link.send

    def counted(self: Link, letter: Letter) -> int:
        mid = honest(self, letter)
        outstanding.append(len(self._client._out_messages))
        return mid

    monkeypatch.setattr(Link, "send", counted)
    folder = tmp_path / "b"
    folder.mkdir()
    with broker_in(folder, "max_inflight_messages 3") as broker, listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.await_part("mqtt", "ok")
        assert box.mqtt._staying.link
        assert box.mqtt._staying.link.window == 3
        box.put(*(event(n) for n in range(1, 200)))
        listener.wait(complete(199))
    assert max(outstanding) == 3, "used, and never exceeded"


def test_stopping_with_a_frozen_broker_takes_seconds_not_for_ever(tmp_path: Path, broker: Broker) -> None:
    box = Box(tmp_path, broker, {"drain_s": 0.5, "ack_timeout_s": 60})
    box.crew.start()
    box.await_part("mqtt", "ok")
    broker.pause()
    box.put(*(event(n) for n in range(1, 50)))
    began = box.clock.mono_ns()
    box.crew.stop()
    assert (box.clock.mono_ns() - began) / 1e9 < 5
    box.outbox.close()
    broker.resume()


def test_stopping_while_a_broker_does_not_even_answer_does_not_wait_for_its_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        box = Box(tmp_path, Broker(tmp_path), {"connect_timeout_s": 60, "port": mute.getsockname()[1]})
        box.crew.start()
        connection, _ = mute.accept()
        box.put(event(1))
        box.crew.stop(20)
        connection.close()
    assert box.outbox.health().depth == 1, "what the broker did not take waits for the next start"
    box.outbox.close()


def test_an_exception_in_a_callback_ends_the_connection_not_the_worker(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = threading.Event()
    honest = Link._on_publish

    def broken(self: Link, *arguments: Any) -> None:
        if not raised.is_set():
            raised.set()
            raise RuntimeError("planted")
        honest(self, *arguments)

    monkeypatch.setattr(Link, "_on_publish", broken)
    with listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.put(event(1), event(2))
        listener.wait(complete(2))
        box.await_part("mqtt", "ok")
        eventually(lambda: box.tally.get("", "mqtt", "delivered") >= 2)
        assert raised.is_set()
        assert box.tally.get("", "mqtt", "reconnect") == 1


def test_a_broker_that_refuses_events_is_said_and_gets_them_when_it_relents(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    rules = folder / "acl"
    rules.write_text("topic read #\ntopic write vedette/v1/edge01/up/status\n")
    rules.chmod(0o600)
    with broker_in(folder, f"acl_file {rules}") as broker, listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.put(event(1), event(2))
        reason = box.await_part("mqtt", "degraded")
        reason = eventually(lambda: (r := box.board.parts()["mqtt"].reason) and "Not authorized" in r and r)
        assert f"let it write vedette/v1/{DEVICE}/up/#" in reason
        eventually(lambda: box.outbox.health().depth == 2)
        rules.write_text("topic readwrite #\n")
        assert broker._process
        broker._process.send_signal(signal.SIGHUP)
        listener.wait(complete(2))
        box.await_part("mqtt", "ok")


def test_a_wrong_password_is_said_and_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    caplog.set_level("DEBUG")
    options = {"username": "edge01", "password": "hunter2-secret"}
    with broker_in(folder, "allow_anonymous false") as broker, Box(tmp_path, broker, options) as box:
        reason = eventually(lambda: "refuses" in (r := box.board.parts()["mqtt"].reason) and r)
        assert "check mqtt.username, password" in reason
        shown = caplog.text + reason + repr(box.mqtt._options) + box.mqtt._options.model_dump_json()
    assert "hunter2-secret" not in shown


def test_twenty_reconnects_leave_no_thread_and_no_file_behind(tmp_path: Path, broker: Broker) -> None:
    with Box(tmp_path, broker) as box:
        box.await_part("mqtt", "ok")
        threads, files = threading.active_count(), open_files()
        for count in range(1, 21):
            eventually(lambda: box.mqtt._staying.link and box.mqtt._staying.link.up)
            box.mqtt._staying.link.lose("cable cut")  # type: ignore[union-attr]
            box.mqtt.wake()
            eventually(lambda wanted=count: box.tally.get("", "mqtt", "reconnect") >= wanted)
        eventually(lambda: box.mqtt._staying.link and box.mqtt._staying.link.up)
        gc.collect()
        assert threading.active_count() == threads
        assert open_files() <= files + 1


def test_a_host_that_does_not_exist_holds_up_nobody(tmp_path: Path, broker: Broker) -> None:
    with Box(tmp_path, broker, {"host": "no-such-host.invalid"}) as box:
        box.put(*(event(n) for n in range(1, 201)))
        eventually(lambda: box.outbox.last_seq == 200, 5)
        reason = box.await_part("mqtt", "degraded")
        reason = eventually(lambda: "no broker at no-such-host.invalid" in (r := box.board.parts()["mqtt"].reason) and r)
        assert "correct mqtt.host" in reason


def test_an_event_larger_than_the_broker_takes_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    with broker_in(folder, "max_packet_size 4000") as broker, listening(broker, EVENTS) as listener, Box(tmp_path, broker) as box:
        box.put(event(1), event(2, data={"text": "x" * 5000}), event(3))
        listener.wait(lambda m: {e["seq"] for e in envelopes(m)} == {1, 3})
        assert box.tally.get("", "mqtt", "too_large") == 1


def test_what_waits_when_the_box_stops_is_still_delivered(tmp_path: Path, broker: Broker) -> None:
    with listening(broker, ALL) as listener:
        with Box(tmp_path, broker) as box:
            box.await_part("mqtt", "ok")
            box.put(*(event(n) for n in range(1, 301)))
        messages = listener.wait(lambda m: m and b'"offline"' in m[-1].payload, 10)
    assert complete(300)(messages)
    assert messages[-1].topic.endswith("/status"), "the farewell is the last word"


def test_while_the_disk_is_full_events_go_out_without_a_number_and_again_with_one(tmp_path: Path, broker: Broker) -> None:
    """The disk here is a folder that cannot be made, which is as good as full; then it can."""
    (tmp_path / "data").write_text("in the way")
    with listening(broker, EVENTS) as listener:
        with Box(tmp_path / "data", broker, outbox_options={"retry_ms": 50}) as box:
            box.await_part("outbox", "failed")
            box.put(event(1), event(2))
            listener.wait(lambda m: len(m) >= 2)
            assert [e["seq"] for e in envelopes(listener.messages)] == [None, None]
            (tmp_path / "data").unlink()
            box.await_part("outbox", "ok")
            messages = listener.wait(complete(2))
            eventually(lambda: box.outbox.health().depth == 0)
        came = envelopes(messages)
    assert {e["id"] for e in came if e["seq"] is None} == {e["id"] for e in came if e["seq"]}


class listening_later:  # noqa: N801 - reads as a phrase at its use
    """Starts a broker and a subscriber when told to, the subscriber first of all clients."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._listener: Any = None

    def __enter__(self) -> Any:
        return self._start

    def _start(self) -> Any:
        self._broker.start()
        self._listener = listening(self._broker, EVENTS)
        return self._listener.__enter__()

    def __exit__(self, *_: object) -> None:
        if self._listener:
            self._listener.__exit__(None, None, None)
