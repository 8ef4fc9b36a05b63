"""An address says where, who, and which of the owner's settings to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.address import Address, Tls, said, tls_context
from broker.link import Link, probe
from contracts.errors import ConfigError
from tests.device.publish.mosquitto import Broker, broker_in, listening

BOX = Address("house", 1883, "box", setting="mqtt.")
TRAINER = Address("house", 1883, "trainer", setting="--")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_in(tmp_path) as running:
        yield running


def test_settings_are_named_as_their_owner_writes_them() -> None:
    assert BOX.named("port", "tls", "key") == "mqtt.port, tls and key"
    assert TRAINER.named("port", "tls", "key") == "--port, --tls and --key"
    assert (BOX.named("host"), TRAINER.named("host")) == ("mqtt.host", "--host")


def test_a_password_is_in_no_text_about_it() -> None:
    assert "sesame" not in repr(Address("house", 1883, "box", username="ali", password="sesame"))


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "Connection refused"), ValueError("Connection refused")])
def test_why_there_is_no_connection_is_said_with_what_to_do(error: Exception) -> None:
    assert said(error, TRAINER) == "no broker at house:1883: connection refused; start it or correct --host and --port"


@pytest.mark.parametrize("name", ["ca", "cert", "key"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^--{name}: .*nowhere.pem is not a file"):
        tls_context(Address("house", 1883, "trainer", tls=Tls(**{name: tmp_path / "nowhere.pem"}), setting="--"))


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of the kind\n")
    with pytest.raises(ConfigError, match=r"^mqtt\.ca, cert and key: .*must be PEM files"):
        tls_context(Address("house", 1883, "box", tls=Tls(ca=tmp_path / "ca.pem"), setting="mqtt."))


@pytest.mark.broker
def test_a_broker_without_tls_leaves_no_socket_behind(broker: Broker) -> None:
    """paho keeps that of a failed handshake; pytest makes a warning of it an error."""
    address = Address(broker.host, broker.port, "stranger", tls=Tls(), connect_timeout_s=2, setting="--")
    for _ in range(3):
        assert probe(address, lambda: 0)


@pytest.mark.broker
def test_a_link_without_manual_acknowledgement_gets_what_it_subscribed_to(broker: Broker) -> None:
    address = Address(broker.host, broker.port, "reader")
    link = Link(address, lambda: 0)
    link.connect()
    while not link.up:
        assert link.lost is None
        link.spin(0.2)
    link.subscribe(["vedette/v1/box-01/up/event"])
    with listening(broker, "none") as other:
        other.publish("vedette/v1/box-01/up/event", b"hello")
        while not link.incoming:
            assert link.lost is None
            link.spin(0.2)
    came = link.incoming.popleft()
    link.close(farewell=True)
    assert (came.topic, came.payload, came.retain) == ("vedette/v1/box-01/up/event", b"hello", False)
