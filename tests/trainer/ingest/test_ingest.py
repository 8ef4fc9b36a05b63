"""The ingest against a real broker: killed, cut off, lied to; what boxes sent is in the store once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from contracts.topics import Topics
from device.publish.resend import Resend
from tests.device.publish.fakes import DEVICE, Box
from tests.device.publish.fakes import event as seen
from tests.device.publish.mosquitto import Broker, listening, needs_mosquitto
from tests.trainer.ingest.boxes import Fleet, envelope, event, health, status
from tests.trainer.ingest.trainers import ROOT, Trainer, count, eventually, stored

pytestmark = [pytest.mark.broker, needs_mosquitto]


@pytest.fixture
def fleet(broker: Broker) -> Iterator[Fleet]:
    made = Fleet(broker.host, broker.port)
    yield made
    made.close()


@pytest.fixture
def trainer(tmp_path: Path, broker: Broker) -> Iterator[Trainer]:
    made = Trainer(tmp_path / "store.sqlite", broker)
    made.start()
    made.wait(lambda said: said["connected"])
    yield made
    made.close()


def messages(device: str, numbers: range) -> list[bytes]:
    return [envelope(device, seq, event(seq)) for seq in numbers]


def test_a_trainer_killed_again_and_again_has_everything_once(tmp_path: Path, trainer: Trainer, fleet: Fleet) -> None:
    chance, each, sent = random.Random(1), 150, 0
    for _ in range(4):
        fleet.events("yard-1", messages("yard-1", range(sent + 1, sent + each + 1)))
        sent += each
        threading.Event().wait(chance.uniform(0, 0.15))
        trainer.kill()
        trainer.start()
    fleet.flush()
    eventually(lambda: count(tmp_path / "store.sqlite") >= sent)
    assert trainer.stop() == 0
    assert stored(tmp_path / "store.sqlite") == {"yard-1": list(range(1, sent + 1))}


def test_a_broker_that_restarts_loses_nothing_for_a_trainer_that_was_away(
    tmp_path: Path, broker: Broker, trainer: Trainer, fleet: Fleet
) -> None:
    fleet.events("yard-1", messages("yard-1", range(1, 50)))
    trainer.wait(lambda said: said["events"] == 49)
    assert trainer.stop() == 0
    fleet.events("yard-1", messages("yard-1", range(50, 100)))
    fleet.flush()
    broker.kill(signal.SIGTERM)
    broker.start()
    trainer.start()
    trainer.wait(lambda said: said["events"] == 50)
    broker.kill(signal.SIGTERM)
    trainer.wait(lambda said: not said["connected"])
    broker.start()
    again = Fleet(broker.host, broker.port)
    again.events("yard-1", messages("yard-1", range(90, 120)))
    said = trainer.wait(lambda said: said["events"] == 70)
    assert said["doubles"] >= 10
    assert said["missing"] == 0
    again.close()
    assert stored(tmp_path / "store.sqlite") == {"yard-1": list(range(1, 120))}


def test_fifty_boxes_out_of_order_and_twice_are_each_once(tmp_path: Path, trainer: Trainer, fleet: Fleet) -> None:
    chance, names = random.Random(5), [f"box-{n:03d}" for n in range(50)]
    for name in names:
        fleet.send(Topics(name).up("status"), envelope(name, None, status("online", "s"), "status"), retain=True)
        fleet.send(Topics(name).up("health"), envelope(name, None, health(0), "health"), retain=True)
    every = [(name, seq) for name in names for seq in range(1, 13)]
    every += chance.sample(every, 300)
    chance.shuffle(every)
    for name, seq in every:
        fleet.send(Topics(name).up("event"), envelope(name, seq, event(seq)))
    fleet.flush()
    said = trainer.wait(lambda said: said["events"] == 600 and said["doubles"] == 300)
    assert (said["devices"], said["online"], said["missing"], said["refused"], said["health"]) == (50, 50, 0, {}, 50)
    assert stored(tmp_path / "store.sqlite") == {name: list(range(1, 13)) for name in names}


def test_strangers_and_liars_are_counted_and_stop_nobody(trainer: Trainer, fleet: Fleet) -> None:
    fleet.events("yard-1", [b"", b"{", b"\0" * 1000, b"[" * 5000, envelope("yard-1", 1 << 61, event(1)), *messages("yard-1", range(1, 4))])
    fleet.send("vedette/v1/UPPER/up/event", messages("x", range(1, 2))[0])
    fleet.send("vedette/v1/yard-1/up/health", messages("yard-1", range(1, 2))[0])
    fleet.send("vedette/v1/yard-1/up/event", b'{"v":1,' + b" " * (2 << 20) + b"}")
    fleet.events("yard-1", messages("yard-1", range(4, 6)))
    said = trainer.wait(lambda said: said["events"] == 5)
    assert {name: said["refused"][name] for name in ("topic", "type", "range")} == {"topic": 1, "type": 1, "range": 1}
    assert said["refused"]["envelope"] >= 3
    assert said["missing"] == 0


def test_what_a_box_sent_while_nobody_listened_is_asked_for_and_comes(tmp_path: Path, broker: Broker) -> None:
    """A real box, a real command: numbers 4 to 230 went to the broker when the trainer had no session."""
    with Box(tmp_path, broker) as box:
        assert box.commands
        resend = Resend(box.outbox, box.notices, Topics(DEVICE), 600)
        box.commands._handlers = {**box.commands._handlers, "resend": resend}
        trainer = Trainer(tmp_path / "store.sqlite", broker, "--set", "ask_after_s=0.2", "--set", "session_expiry_s=1")
        trainer.start()
        try:
            trainer.wait(lambda said: said["connected"])
            box.put(*(seen(n) for n in range(1, 4)))
            trainer.wait(lambda said: said["events"] == 3)
            trainer.kill()
            with listening(broker, f"vedette/v1/{DEVICE}/up/event", client_id="other") as other:
                _forget_session(broker)
                box.put(*(seen(n) for n in range(4, 231)))
                other.wait(lambda came: len({bytes(m.payload) for m in came}) >= 227)
            trainer.start()
            trainer.wait(lambda said: said["connected"])
            box.put(seen(231))
            said = trainer.wait(lambda said: said["events"] == 228 and said["missing"] == 0)
            assert said["asked"] >= 3
        finally:
            trainer.close()
    assert stored(tmp_path / "store.sqlite") == {DEVICE: list(range(1, 232))}


def _forget_session(broker: Broker) -> None:
    """Somebody with the trainer's name and a clean start: the broker has no session of it any more."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    client, gone = Client(CallbackAPIVersion.VERSION2, "vedette-trainer", protocol=MQTTProtocolVersion.MQTTv5), threading.Event()
    client.on_connect = lambda *_: client.disconnect()
    client.on_disconnect = lambda *_: gone.set()
    client.connect(broker.host, broker.port, clean_start=True)
    client.loop_start()
    assert gone.wait(20)
    client.loop_stop()


def test_numbers_that_a_box_has_no_more_are_kept_as_lost(tmp_path: Path, broker: Broker) -> None:
    from sqlalchemy import select

    from trainer.store.database import Database
    from trainer.store.tables import gaps

    with Box(tmp_path, broker, outbox_options={"messages": 1}) as box:
        assert box.commands
        box.commands._handlers = {**box.commands._handlers, "resend": Resend(box.outbox, box.notices, Topics(DEVICE), 600)}
        trainer = Trainer(tmp_path / "store.sqlite", broker, "--set", "ask_after_s=0.2")
        trainer.start()
        trainer.wait(lambda said: said["connected"])
        fleet = Fleet(broker.host, broker.port)
        fleet.events(DEVICE, [envelope(DEVICE, 1, event(1)), envelope(DEVICE, 9, event(9))])
        box.put(*(seen(n) for n in range(10, 13)))
        trainer.wait(lambda said: said["gone"] >= 1 and said["missing"] == 0)
        fleet.close()
        assert trainer.stop() == 0
    database = Database(str(tmp_path / "store.sqlite"))
    with database.read() as connection:
        rows = connection.execute(select(gaps.c.first, gaps.c.last, gaps.c.state, gaps.c.reason)).all()
    database.close()
    assert all((row.state, row.reason) == ("gone", "the box has them no more") for row in rows)
    assert {seq for row in rows for seq in range(row.first, row.last + 1)} <= set(range(2, 9))


@pytest.mark.postgres
def test_a_store_that_goes_away_holds_everything_up_and_loses_nothing(tmp_path: Path, broker: Broker, fleet: Fleet) -> None:
    from tests.trainer.store.postgres import BIN, server
    from trainer.store.database import Database

    if BIN is None:
        pytest.skip("PostgreSQL is not installed")
    with server() as postgres:
        url = postgres.database()
        trainer = Trainer(Path("unused"), broker, "--store", url, "--set", "retry_s=0.1", "--set", "window=50")
        trainer.start()
        try:
            trainer.wait(lambda said: said["connected"])
            fleet.events("yard-1", messages("yard-1", range(1, 100)))
            trainer.wait(lambda said: said["events"] == 99)
            postgres.stop()
            fleet.events("yard-1", messages("yard-1", range(100, 400)))
            assert "see that it runs" in trainer.wait(lambda said: said["store_refused"] >= 2)["trouble"]
            postgres.start()
            said = trainer.wait(lambda said: said["events"] == 399)
            assert said["missing"] == 0
            assert trainer.stop() == 0
        finally:
            trainer.close()
        database = Database(url)
        assert database.revision()
        database.close()


def test_a_program_whose_reports_nobody_takes_any_more_ends_and_does_not_go_on_half(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer.main", "ingest", "--port", "1", "--store", str(tmp_path / "store.sqlite"), "--json"]
    with subprocess.Popen([*command, "--every", "0.1"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        try:
            assert process.wait(30) != 0
        finally:
            process.kill()
