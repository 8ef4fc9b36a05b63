"""What is brought to a real broker: retained assignments, pieces of files; killed brokers, strange questions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.address import Address
from contracts.topics import ROOT, Topics
from contracts.update import ASK_BYTES
from device.update.assigned import read_assignment
from tests.device.publish.mosquitto import Broker, Listener, broker_in, needs_mosquitto
from tests.trainer.ingest.boxes import envelope
from tests.trainer.push.fleets import NEW, Fleet, names
from tests.trainer.push.yards import Yard
from trainer.accounts.audit import HERE
from trainer.push.pusher import Pusher
from trainer.push.waves import Rules
from trainer.store.database import Database

pytestmark = [pytest.mark.broker, needs_mosquitto]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    with broker_in(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def fleet(yard: Yard) -> Iterator[Fleet]:
    database = Database(yard.home.store)
    yield Fleet(yard, database)
    database.close()


class Running:
    def __init__(self, pusher: Pusher) -> None:
        self.pusher, self.stop = pusher, threading.Event()
        self._thread = threading.Thread(target=pusher.run, args=(self.stop,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


def pushing(fleet: Fleet, broker: Broker) -> Running:
    address = Address(broker.host, broker.port, "pusher", setting="--")
    return Running(Pusher(fleet.database, fleet.yard.place, fleet.progress, address))


@pytest.fixture
def running(fleet: Fleet, broker: Broker) -> Iterator[Running]:
    made = pushing(fleet, broker)
    yield made
    made.close()


def start(fleet: Fleet, count: int) -> None:
    fleet.introduce(names(count))
    fleet.rollouts.start("r1", NEW, names(count), names(count), Rules(), HERE)


def desired(messages: list[Any]) -> dict[str, bytes]:
    return {message.topic: bytes(message.payload) for message in messages}


def test_assignments_are_retained_for_boxes_that_come_later_and_lie_there_for_sticks(
    fleet: Fleet, broker: Broker, running: Running
) -> None:
    start(fleet, 120)
    live = Listener(broker, f"{ROOT}/+/dn/desired", client_id="live")
    live.wait(lambda messages: len(desired(messages)) == 120)
    live.close()
    late = Listener(broker, f"{ROOT}/+/dn/desired", client_id="late")
    found = desired(late.wait(lambda messages: len(desired(messages)) == 120))
    late.close()
    box = names(120)[7]
    raw = found[Topics(box).dn("desired")]
    assert read_assignment(raw, fleet.yard.keys).model == NEW
    assert (fleet.yard.place.desired / f"{box}.json").read_bytes() == raw


def test_a_broker_that_lost_everything_gets_it_again_from_the_next_start(fleet: Fleet, broker: Broker, tmp_path: Path) -> None:
    start(fleet, 5)
    for attempt in range(2):
        (tmp_path / f"empty-{attempt}").mkdir()
        with broker_in(tmp_path / f"empty-{attempt}") as fresh:
            running = pushing(fleet, fresh)
            heard = Listener(fresh, f"{ROOT}/+/dn/desired")
            assert len(desired(heard.wait(lambda messages: len(desired(messages)) == 5))) == 5
            heard.close()
            running.close()


def test_a_broker_that_comes_back_is_found_again(fleet: Fleet, broker: Broker, running: Running) -> None:
    heard = Listener(broker, f"{ROOT}/+/dn/desired")
    broker.kill()
    start(fleet, 3)
    broker.start()
    heard.wait(lambda messages: len(desired(messages)) == 3, 60)
    heard.close()


def ask(heard: Listener, path: str, offset: int = 0, size: int = ASK_BYTES, number: str = "00000000000000aa") -> None:
    data = {"v": 1, "id": number, "path": path, "offset": offset, "size": size}
    heard.publish(Topics("yard-1").up("chunk"), envelope("yard-1", None, data, "chunk", boot=f"{path}{offset}"))


def test_pieces_of_the_repository_and_of_nothing_else(fleet: Fleet, broker: Broker, running: Running) -> None:
    start(fleet, 1)
    assigned = Listener(broker, f"{ROOT}/+/dn/desired", client_id="assigned")
    assigned.wait(lambda messages: messages)  # sent after the subscription
    assigned.close()
    heard = Listener(broker, f"{ROOT}/yard-1/dn/chunk/#")
    file = fleet.yard.place.metadata / "timestamp.json"
    ask(heard, "metadata/timestamp.json")
    first = heard.wait(lambda messages: messages)
    assert bytes(first[0].payload) == file.read_bytes()
    ask(heard, "metadata/timestamp.json", 10, 5, "00000000000000ab")
    assert bytes(heard.wait(lambda messages: len(messages) == 2)[1].payload) == file.read_bytes()[10:15]
    bad = [
        "metadata/9.root.json",
        "targets/../metadata/timestamp.json",
        "metadata/../../keys/online.key",
        "targets/",
        f"targets/{'x' * 300}",
    ]
    for number, path in enumerate(bad):
        ask(heard, path, number=f"{number:016x}")
    missing = heard.wait(lambda messages: len(messages) == 2 + len(bad))[2:]
    assert [(message.topic.rpartition("/")[2], bytes(message.payload)) for message in missing] == [("missing", b"")] * len(bad)
    heard.publish(Topics("yard-1").up("chunk"), b"{}")
    ask(heard, "metadata/timestamp.json", 0, 5, "00000000000000ac")
    heard.wait(lambda messages: len(messages) == 3 + len(bad))
    assert running.pusher.counts["refused"] == 1
    heard.close()
