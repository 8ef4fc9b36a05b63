"""The broker of a fleet as it is shipped: a real mosquitto with its own configuration, and boxes that try what they must not."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from broker.letters import Letter
from broker.link import Link
from contracts.errors import ConfigError, ProtocolError
from contracts.topics import SHOWING, read_topic
from device.publish.mqtt import Options as BoxOptions
from device.settings import Settings
from tests.device.publish.mosquitto import BINARY, free_port, needs_mosquitto
from trainer.ingest.options import Options as TrainerOptions
from trainer.pki.authority import Authority, make_authority

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "deploy" / "mosquitto"
NOT_ALLOWED = 135  # MQTT 5, "Not authorized"
EVENT, DESIRED = "vedette/v1/box-01/up/event", "vedette/v1/box-01/dn/desired"

pytestmark = [pytest.mark.broker, needs_mosquitto]


@dataclass
class Fleet:
    authority: Authority
    port: int
    process: subprocess.Popen[bytes]
    place: Path

    def tell(self, files: Mapping[str, str]) -> None:
        """Other files, which it reads again (systemctl reload mosquitto)."""
        for name, text in files.items():
            (self.place / name).write_text(text)
        self.process.send_signal(signal.SIGHUP)

    def revoke(self, name: str) -> None:
        self.authority.revoke(name, "lost", datetime.now(timezone.utc), None)
        shutil.copy(self.authority.folder / "revoked.pem", self.place / "revoked.pem")
        self.process.send_signal(signal.SIGHUP)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    now = datetime.now(timezone.utc)
    authority = make_authority(tmp_path_factory.mktemp("pki") / "pki", "Test fleet", 100, now, None)
    made = authority.sign("broker", "broker", ["127.0.0.1"], 10, now, None)
    for name in ("box-01", "box-02", "box-03"):
        authority.sign(name, "box", [], 10, now, None)
    for name in SHOWING:
        authority.sign(name, "client", [], 10, now, None)
    authority.sign("trainer", "trainer", [], 10, now, None)
    stranger = make_authority(tmp_path_factory.mktemp("other") / "pki", "Strangers", 100, now, None)
    shutil.copytree(stranger.sign("box-09", "box", [], 10, now, None), authority.folder / "issued" / "stranger")
    place, port = tmp_path_factory.mktemp("mosquitto"), free_port()
    for name in ("broker.pem", "broker.key", "ca.pem"):
        shutil.copy(made / name, place / name)
    shutil.copy(authority.folder / "revoked.pem", place / "revoked.pem")
    shutil.copy(SHIPPED / "vedette.acl", place / "vedette.acl")
    (place / "vedette.acl").chmod(0o600)
    text = (SHIPPED / "vedette.conf").read_text().replace("/etc/mosquitto/vedette/", f"{place}/")
    text = re.sub(r"^listener 8883$", f"listener {port} 127.0.0.1", text, flags=re.M)
    (place / "mosquitto.conf").write_text(f"user root\npersistence_location {place}/\nlog_dest none\n{text}")
    process = subprocess.Popen([BINARY, "-c", str(place / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not listening(port):
        assert process.poll() is None and time.monotonic() < deadline, "mosquitto did not start with what is shipped"
        threading.Event().wait(0.05)
    yield Fleet(authority, port, process, place)
    process.terminate()
    process.wait(10)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Party:
    """One client and what it was told."""

    client: Client
    came: list[MQTTMessage] = field(default_factory=list)
    codes: dict[str, list[int]] = field(default_factory=dict)
    news: threading.Condition = field(default_factory=threading.Condition)

    def note(self, what: str, code: int) -> None:
        with self.news:
            self.codes.setdefault(what, []).append(code)
            self.news.notify_all()

    def keep(self, message: MQTTMessage) -> None:
        with self.news:
            self.came.append(message)
            self.news.notify_all()

    def publish(self, topic: str, payload: bytes = b"x", retain: bool = False) -> int:
        """The broker's answer."""
        before = len(self.codes.get("published", []))
        self.client.publish(topic, payload, 1, retain)
        self.until(lambda: len(self.codes.get("published", [])) > before)
        return self.codes["published"][-1]

    def subscribe(self, topic: str) -> int:
        before = len(self.codes.get("subscribed", []))
        self.client.subscribe(topic, 1)
        self.until(lambda: len(self.codes.get("subscribed", [])) > before)
        return self.codes["subscribed"][-1]

    def until(self, enough: object) -> None:
        with self.news:
            assert self.news.wait_for(enough, 20), self.codes  # type: ignore[arg-type]


@contextmanager
def party(fleet: Fleet, name: str, folder: str = "", certificate: bool = True, known_as: str = "") -> Iterator[Party]:
    called = known_as or f"test-{name}-{time.monotonic_ns()}"
    client = Client(CallbackAPIVersion.VERSION2, called, protocol=MQTTProtocolVersion.MQTTv5)
    place = fleet.authority.folder / "issued" / (folder or name)
    context = ssl.create_default_context(cafile=str(fleet.place / "ca.pem"))
    if certificate:
        context.load_cert_chain(place / f"{name}.pem", place / f"{name}.key")
    client.tls_set_context(context)
    it = Party(client)
    client.on_publish = lambda _c, _u, _mid, reason, _p: it.note("published", reason.value)
    client.on_subscribe = lambda _c, _u, _mid, reasons, _p: it.note("subscribed", reasons[0].value)
    client.on_message = lambda _c, _u, message: it.keep(message)
    client.on_connect = lambda _c, _u, _f, reason, _p: it.note("connected", reason.value)
    client.connect("127.0.0.1", fleet.port)
    client.loop_start()
    try:
        it.until(lambda: "connected" in it.codes)
        yield it
    finally:
        client.disconnect()
        client.loop_stop()
        for callback in ("on_publish", "on_subscribe", "on_message", "on_connect"):
            setattr(client, callback, None)  # a ring of objects would be closed in any order, its sockets last


def refused(fleet: Fleet, name: str, folder: str = "", certificate: bool = True) -> bool:
    """Whether the broker will not talk to it: in TLS 1.3 the client learns of it with its first read."""
    context = ssl.create_default_context(cafile=str(fleet.place / "ca.pem"))
    if certificate:
        place = fleet.authority.folder / "issued" / (folder or name)
        context.load_cert_chain(place / f"{name}.pem", place / f"{name}.key")
    connect = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x05probe"
    try:
        plain = socket.create_connection(("127.0.0.1", fleet.port), 10)
        with plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            sock.sendall(connect)
            return not sock.recv(4)
    except (ssl.SSLError, ConnectionError):
        return True


def test_a_box_delivers_its_event_to_the_trainer(fleet: Fleet) -> None:
    with party(fleet, "trainer") as trainer, party(fleet, "box-01") as box:
        assert trainer.subscribe("vedette/v1/+/up/#") < 128
        assert box.publish(EVENT, b"hello") < 128
        trainer.until(lambda: trainer.came)
        assert (trainer.came[0].topic, trainer.came[0].payload) == (EVENT, b"hello")


def test_the_trainer_tells_one_box_and_all_boxes_what_to_do(fleet: Fleet) -> None:
    with party(fleet, "trainer") as trainer, party(fleet, "box-01") as box:
        box.subscribe("vedette/v1/box-01/dn/#")
        box.subscribe("vedette/v1/fleet/dn/#")
        trainer.publish("vedette/v1/box-01/dn/cmd", b"one")
        trainer.publish("vedette/v1/fleet/dn/cmd", b"all")
        box.until(lambda: len(box.came) == 2)
        assert {message.payload for message in box.came} == {b"one", b"all"}


def test_a_box_cannot_speak_as_another(fleet: Fleet) -> None:
    with party(fleet, "box-02") as box:
        assert box.publish(EVENT) == NOT_ALLOWED


def test_a_box_cannot_tell_itself_or_others_what_is_desired(fleet: Fleet) -> None:
    with party(fleet, "box-01") as box:
        for topic in (DESIRED, "vedette/v1/box-02/dn/desired", "vedette/v1/fleet/dn/desired"):
            assert box.publish(topic, retain=True) == NOT_ALLOWED


def test_a_box_hears_nothing_that_is_for_another(fleet: Fleet) -> None:
    """mosquitto takes the subscription and delivers nothing; what is its own comes after, so the silence is no waiting."""
    with party(fleet, "trainer") as trainer, party(fleet, "box-02") as box:
        for topic in ("vedette/v1/box-01/dn/#", "vedette/v1/+/up/#", "#", "vedette/v1/box-02/dn/#"):
            box.subscribe(topic)
        trainer.publish("vedette/v1/box-01/dn/cmd", b"not for you")
        trainer.publish("vedette/v1/box-02/dn/cmd", b"for you")
        box.until(lambda: box.came)
        assert {message.payload for message in box.came} == {b"for you"}


def test_the_trainer_cannot_speak_as_a_box(fleet: Fleet) -> None:
    with party(fleet, "trainer") as trainer:
        assert trainer.publish(EVENT) == NOT_ALLOWED


def test_home_assistant_is_told_of_a_box_by_that_box_alone(fleet: Fleet) -> None:
    told = "homeassistant/device/box-01/config"
    with party(fleet, "homeassistant") as home, party(fleet, "box-01") as box, party(fleet, "box-02") as other:
        home.subscribe("homeassistant/#")
        home.subscribe("vedette/v1/+/up/#")
        assert other.publish(told, b"{}", retain=True) == NOT_ALLOWED
        assert box.publish("homeassistant/sensor/box-01/config", b"{}") == NOT_ALLOWED
        assert box.publish(told, b'{"mine": 1}', retain=True) < 128
        box.publish(EVENT, b"hello")
        home.until(lambda: len(home.came) == 2)
        assert {message.payload for message in home.came} == {b'{"mine": 1}', b"hello"}


@pytest.mark.parametrize(("name", "forbidden"), [("homeassistant", EVENT), ("node-red", DESIRED)])
def test_who_shows_boxes_may_command_them_and_not_speak_as_one_or_push(fleet: Fleet, name: str, forbidden: str) -> None:
    with party(fleet, name) as home, party(fleet, "box-01") as box:
        box.subscribe("vedette/v1/box-01/dn/#")
        assert home.publish("vedette/v1/box-01/dn/cmd", b"press") < 128
        box.until(lambda: box.came)
        assert home.publish(forbidden) == NOT_ALLOWED


@contextmanager
def linked(fleet: Fleet, name: str) -> Iterator[Link]:
    """As the product connects."""
    place = fleet.authority.folder / "issued" / name
    files = {"ca": fleet.place / "ca.pem", "cert": place / f"{name}.pem", "key": place / f"{name}.key"}
    there = {"host": "127.0.0.1", "port": fleet.port, **files}
    trains = name == "trainer"
    address = TrainerOptions.model_validate({**there, "tls": True}).address() if trains else None
    link = Link(address or BoxOptions.model_validate({**there, "tls": "on"}).address(f"vedette-{name}"), time.monotonic_ns)
    link.connect()
    spun(link, lambda: link.up)
    try:
        yield link
    finally:
        link.close(farewell=True)


def spun(link: Link, enough: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not enough():
        link.spin(0.05)
        assert link.lost is None and time.monotonic() < deadline, link.lost


def test_a_stolen_box_can_neither_put_others_out_nor_empty_their_sessions(fleet: Fleet) -> None:
    """Whoever connects by another's name at the broker takes its place there, whatever the access list says of topics."""
    with linked(fleet, "trainer") as trainer:
        trainer.subscribe(["vedette/v1/+/up/event"])
        trainer.spin(0.2)
    with linked(fleet, "box-01") as box:
        box.send(Letter(EVENT, b"kept for the trainer"))
        spun(box, lambda: box.acks)
        for known_as in ("vedette-trainer", "vedette-trainer-push", "vedette-box-01", "vedette-box-01-check"):
            with party(fleet, "box-02", known_as=known_as):
                pass
        box.send(Letter(EVENT, b"not put out"))
        spun(box, lambda: len(box.acks) == 2)
    with linked(fleet, "trainer") as trainer:
        assert trainer.session_present, "somebody emptied the trainer's session"
        spun(trainer, lambda: len(trainer.incoming) == 2)


@pytest.mark.parametrize("name", ["homeassistant", "node-red", "trainer"])
def test_no_box_gets_the_name_of_who_may_command_all_and_none_of_those_is_heard_as_a_box(fleet: Fleet, name: str) -> None:
    """What the broker lets a certificate do follows from its name alone."""
    with pytest.raises(ConfigError, match="choose another name"):
        fleet.authority.sign(name, "box", [], 10, datetime.now(timezone.utc), None)
    with pytest.raises(ValueError, match="give this box one of its own"):
        Settings(device_id=name)
    with party(fleet, "trainer") as trainer, party(fleet, name) as other:
        trainer.subscribe("vedette/v1/+/up/#")
        assert other.publish(f"vedette/v1/{name}/up/event", b"I am a box") < 128, "the access list lets everybody write under its own name"
        trainer.until(lambda: trainer.came)
        with pytest.raises(ProtocolError, match="is no box"):
            read_topic(trainer.came[0].topic)


def test_who_shows_no_certificate_or_a_strangers_is_not_let_in(fleet: Fleet) -> None:
    assert not refused(fleet, "box-01"), "the probe itself works"
    assert refused(fleet, "box-01", certificate=False)
    assert refused(fleet, "box-09", folder="stranger")


def test_a_certificate_that_was_revoked_is_not_let_in_any_more(fleet: Fleet) -> None:
    assert not refused(fleet, "box-03")
    fleet.revoke("box-03")
    eventually(lambda: refused(fleet, "box-03"))
    assert not refused(fleet, "box-01")


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "the broker does as before"
        threading.Event().wait(0.1)


def test_an_authority_gives_way_to_another_while_both_are_believed(fleet: Fleet, tmp_path: Path) -> None:
    """As the guide says it: first both, then the new one alone."""
    now, old = datetime.now(timezone.utc), {name: (fleet.place / name).read_text() for name in ("ca.pem", "revoked.pem")}
    after = make_authority(tmp_path / "pki", "Next fleet", 100, now, None)
    issued = fleet.authority.folder / "issued"
    shutil.copytree(after.sign("box-02", "box", [], 10, now, None), issued / "next")
    new = {name: (after.folder / name).read_text() for name in old}
    before = {name: (fleet.place / name).read_bytes() for name in ("broker.pem", "broker.key", *old)}
    try:
        fleet.tell({name: f"{old[name]}{new[name]}" for name in old})
        eventually(lambda: not refused(fleet, "box-02", folder="next"))
        with linked(fleet, "box-01"):
            pass  # who has the old one still speaks, and takes such a file of two himself
        made = after.sign("broker", "broker", ["127.0.0.1"], 10, now, None)
        fleet.tell({**new, **{name: (made / name).read_text() for name in ("broker.pem", "broker.key")}})
        eventually(lambda: refused(fleet, "box-01"))
        assert not refused(fleet, "box-02", folder="next")
    finally:
        fleet.tell({name: data.decode() for name, data in before.items()})
        eventually(lambda: not refused(fleet, "box-01"))


def test_the_product_brings_no_broker_of_its_own() -> None:
    """The demo starts one; nothing that is installed on a box or a trainer's machine can."""
    packages = of_the_wheel()
    assert {"device", "trainer"} <= set(packages) and "scripts" not in packages
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    starts = re.compile(r"^\s*(?:from|import) (?:amqtt|hbmqtt|gmqtt)\b|[\"'/]mosquitto[\"']", re.MULTILINE)
    assert len(files) > 400 and starts.search((ROOT / "scripts/demo.py").read_text()), "it would be found"
    assert not [path for path in files if starts.search(path.read_text())]


def of_the_wheel() -> list[str]:
    """Of the wheel; Python 3.10 has no tomllib."""
    found = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    packages: list[str] = json.loads(found[1])
    return packages
