"""What others say of themselves: only what can be a broker is one, and nothing of it reaches a page or a terminal as it came."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import Zeroconf

from device.nearby.addresses import bound_to, own_addresses
from device.nearby.brokers import MOST, Brokers
from device.nearby.heard import HOST, LONGEST_NAME, MOST_ADDRESSES, PLAIN, SECURE, FoundBroker, found_broker, legible


def test_a_broker_is_what_names_a_host_an_address_and_a_port() -> None:
    found = found_broker(SECURE, f"Kitchen.{SECURE}", "Broker-1.local.", 8883, ["192.0.2.7", "fe80::1"])
    assert found == FoundBroker("Kitchen", "broker-1.local", ("192.0.2.7", "fe80::1"), 8883, tls=True)
    plain = found_broker(PLAIN, f"x.{PLAIN}", "b.local.", 1883, ["192.0.2.7"])
    assert plain == FoundBroker("x", "b.local", ("192.0.2.7",), 1883, tls=False)


@pytest.mark.parametrize(
    ("server", "port", "addresses"),
    [
        ("", 8883, ["192.0.2.7"]),
        (None, 8883, ["192.0.2.7"]),
        ("b.local.", 0, ["192.0.2.7"]),
        ("b.local.", None, ["192.0.2.7"]),
        ("b.local.", 8883, []),
        ("b.local.", 8883, ["127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "255.255.255.255", "::ffff:127.0.0.1", "nonsense"]),
        ("b.local/../x", 8883, ["192.0.2.7"]),
        ("b;rm -rf.local.", 8883, ["192.0.2.7"]),
        ("-b.local.", 8883, ["192.0.2.7"]),
        ("b\n.local.", 8883, ["192.0.2.7"]),
        (".".join(["a" * 63] * 6), 8883, ["192.0.2.7"]),
    ],
)
def test_what_cannot_be_one_is_none(server: str | None, port: int | None, addresses: list[str]) -> None:
    """This box itself is none either: whoever says so wants to be asked by what runs here."""
    assert found_broker(SECURE, f"x.{SECURE}", server, port, addresses) is None


@given(
    st.text(max_size=300), st.text(max_size=300), st.integers(),
    st.lists(st.one_of(st.ip_addresses().map(str), st.text(max_size=50)), max_size=20),
)  # fmt: skip
def test_whatever_is_said_a_broker_is_well_formed_or_none(name: str, server: str, port: int, addresses: list[str]) -> None:
    found = found_broker(PLAIN, name, server, port, addresses)
    if found is None:
        return
    assert HOST.fullmatch(found.host) and 0 < found.port < 65536 and 0 < len(found.addresses) <= MOST_ADDRESSES
    assert not any(ip_address(address).is_loopback or ip_address(address).is_multicast for address in found.addresses)
    assert found.name.isprintable()


@given(st.text())
def test_a_name_is_one_short_line(text: str) -> None:
    said = legible(text)
    assert said and len(said) <= LONGEST_NAME and said.isprintable()


def test_a_flood_of_names_is_bounded_and_counted_and_a_goodbye_makes_room() -> None:
    refused: list[int] = []
    brokers = Brokers(lambda: refused.append(1))
    network: Zeroconf = None  # type: ignore[assignment]  # not asked by what is said to the listener
    for number in range(10_000):
        brokers.add_service(network, SECURE, f"b{number}.{SECURE}")
    brokers.add_service(network, SECURE, f"b0.{SECURE}")
    assert (len(brokers._tries), len(refused)) == (MOST, 10_000 - MOST)
    brokers.remove_service(network, SECURE, f"b0.{SECURE}")
    brokers.add_service(network, SECURE, f"real.{SECURE}")
    brokers.update_service(network, SECURE, f"never heard of.{SECURE}")
    assert (SECURE, f"real.{SECURE}") in brokers._tries and len(brokers._tries) == MOST


def test_a_page_on_one_address_is_reached_at_that_one_only() -> None:
    both = ("192.0.2.1", "192.0.2.2")
    assert bound_to("0.0.0.0", both) == both
    assert bound_to("::", both) == both
    assert bound_to("192.0.2.2", both) == ("192.0.2.2",)
    assert bound_to("127.0.0.1", both) == ()
    assert all(not ip_address(address).is_loopback for address in own_addresses())
