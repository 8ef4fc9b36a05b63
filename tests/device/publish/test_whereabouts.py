"""Where the broker is tried: as configured, and where it was heard of; a thousand liars do not keep the box from its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.publish.broker import BrokerOptions
from device.publish.whereabouts import Whereabouts

HERE = {"host": "broker.example", "port": 8883, "tls": "on", "ca": Path("ca.pem")}


def test_one_that_is_not_sought_is_where_it_was_configured() -> None:
    where = Whereabouts(BrokerOptions(host="broker.example"), lambda: [("192.0.2.7", 1)])
    assert [where.next("x").where() for _ in range(3)] == ["broker.example:1883"] * 3


def test_one_that_is_sought_is_tried_in_turn_and_must_prove_its_configured_name() -> None:
    heard = [("192.0.2.7", 8883), ("192.0.2.8", 8884)]
    where = Whereabouts(BrokerOptions(**HERE, discover=True), lambda: heard)
    tried = [where.next("x") for _ in range(6)]
    assert [each.host for each in tried] == ["broker.example", "192.0.2.8", "broker.example", "192.0.2.7", "broker.example", "192.0.2.8"]
    assert {each.name for each in tried if each.host != "broker.example"} == {"broker.example"}
    assert all(each.tls is not None for each in tried)


def test_where_it_was_is_tried_first_when_the_connection_was_lost() -> None:
    where = Whereabouts(BrokerOptions(**HERE, discover=True), lambda: [("192.0.2.7", 8883)])
    where.next("x")
    assert where.next("x").host == "192.0.2.7"
    where.good()
    assert where.now == "192.0.2.7:8883 (broker.example)"
    assert where.next("x").host == "192.0.2.7"
    assert where.next("x").host == "broker.example"


def test_a_name_that_only_mdns_knows_is_sought_where_a_certificate_proves_it() -> None:
    assert BrokerOptions(**{**HERE, "host": "kitchen.local"}).sought
    assert not BrokerOptions(host="kitchen.local").sought
    assert not BrokerOptions(**HERE).sought


@pytest.mark.parametrize("missing", ["host", "tls", "ca"])
def test_nobody_is_believed_without_a_certificate_for_a_name_that_was_configured(missing: str) -> None:
    with pytest.raises(ValueError, match="anybody near can say to be the broker"):
        BrokerOptions(**{key: value for key, value in HERE.items() if key != missing}, discover=True)
