"""Nearby, with real mDNS on loopback: found by others, renamed where the name is taken, followed, and gone with a goodbye."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from zeroconf import (
    DNSAddress,
    DNSOutgoing,
    DNSPointer,
    DNSService,
    DNSText,
    IPVersion,
    ServiceBrowser,
    ServiceInfo,
    ServiceListener,
    Zeroconf,
)  # fmt: skip
from zeroconf.const import _CLASS_IN, _FLAGS_AA, _FLAGS_QR_RESPONSE, _TYPE_A, _TYPE_PTR, _TYPE_SRV, _TYPE_TXT

from device.nearby import worker
from device.nearby.announce import OURS, WEB, About, services
from device.nearby.heard import PLAIN, SECURE
from device.nearby.options import Options
from device.nearby.worker import PART, Nearby
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from tests.device.capture.fakes import CLOCK

LOOPBACK = ("127.0.0.1",)


class Seen(ServiceListener):
    """Who came, changed and went, for tests that wait."""

    def __init__(self) -> None:
        self.changed, self.names, self.gone = threading.Condition(), list[str](), list[str]()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        with self.changed:
            self.names.append(name)
            self.changed.notify_all()

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None: ...

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        with self.changed:
            self.gone.append(name)
            self.changed.notify_all()

    def until(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, 30), (self.names, self.gone)


@pytest.fixture(scope="module")
def other() -> Iterator[Zeroconf]:
    """Another machine on the network."""
    try:
        network = Zeroconf(interfaces=list(LOOPBACK), ip_version=IPVersion.V4Only, use_asyncio=False)
    except OSError as error:
        pytest.skip(f"no multicast on loopback here: {error.strerror}")
    yield network
    network.close()


def about(port: int = 8088) -> About:
    return About(f"box-{uuid.uuid4().hex[:10]}", "1.2.3", "127.0.0.1", port)


def nearby(of: About | None, *, seeking: bool = False, own: Callable[..., tuple[str, ...]] = lambda _only: LOOPBACK) -> Nearby:
    return Nearby(Options(), of, seeking=seeking, clock=CLOCK, board=Board(), tally=Tally(), own=own)


def test_it_is_found_with_its_id_version_and_path_and_says_goodbye(other: Zeroconf) -> None:
    one, seen, me = nearby(of := about()), Seen(), f"{of.device_id}.{OURS}"
    browser = ServiceBrowser(other, OURS, listener=seen)
    thread = threading.Thread(target=one.run, args=(lambda: None,))
    thread.start()
    try:
        seen.until(lambda: me in seen.names)
        info, page = ServiceInfo(OURS, me), ServiceInfo(WEB, f"Vedette {of.device_id}.{WEB}")
        assert info.request(other, 5000) and page.request(other, 5000)
        assert info.decoded_properties == {"id": of.device_id, "version": "1.2.3", "path": "/"}
        assert (info.server, info.port, info.parsed_addresses()) == (f"vedette-{of.device_id}.local.", 8088, ["127.0.0.1"])
        assert (page.port, page.server) == (8088, info.server)
    finally:
        one.close()
        thread.join(30)
    seen.until(lambda: me in seen.gone)
    browser.cancel()


def test_a_name_that_is_taken_gets_a_number(other: Zeroconf) -> None:
    of, seen = about(), Seen()
    taken = services(About(of.device_id, "0", "127.0.0.1", 1), LOOPBACK)[0]
    taken.server = "somebody-else.local."
    other.register_service(taken)
    one = nearby(of)
    browser = ServiceBrowser(other, OURS, listener=seen)
    try:
        assert one.step()
        seen.until(lambda: f"{of.device_id}-2.{OURS}" in seen.names)
    finally:
        one._leave()
        browser.cancel()
        other.unregister_service(taken)


def test_it_follows_its_addresses_and_is_silent_without_any(other: Zeroconf) -> None:
    now = [()]  # type: list[tuple[str, ...]]
    of = about()
    one = nearby(of, own=lambda _only: now[0])
    assert one.step() and one._network is None
    now[0] = LOOPBACK
    assert one.step() and len(one._said) == 2
    now[0] = ()
    assert one.step() and one._network is None and not one._said


def test_a_page_that_only_this_machine_reaches_is_not_announced() -> None:
    one = nearby(about(), own=lambda _only: ("127.0.0.1",))
    one._about = About("box-1", "1", "192.0.2.99", 80)
    assert one.step() and not one._said
    one._leave()


def test_brokers_are_found_through_noise_and_forgotten_when_they_go(other: Zeroconf) -> None:
    name = f"b{uuid.uuid4().hex[:10]}"
    where: dict[str, Any] = {"server": f"{name}.local.", "addresses": [socket.inet_aton("192.0.2.7")]}
    real, plain = ServiceInfo(SECURE, f"{name}.{SECURE}", 8883, **where), ServiceInfo(PLAIN, f"{name}.{PLAIN}", 1883, **where)
    one = nearby(None, seeking=True)
    try:
        assert one.step()
        noise()
        other.register_service(real, cooperating_responders=True)  # its name is nobody else's, and nobody is asked
        other.register_service(plain, cooperating_responders=True)
        found = waited(one, lambda: sum(broker.name == name for broker in one.found_brokers()) == 2)
        mine = [(each.host, each.addresses, each.port, each.tls) for each in found if each.name == name]
        assert mine == [(f"{name}.local", ("192.0.2.7",), 8883, True), (f"{name}.local", ("192.0.2.7",), 1883, False)]
        assert all(broker.name.isprintable() and broker.host != "evil" for broker in found)
        other.unregister_service(real)
        other.unregister_service(plain)
        waited(one, lambda: not any(broker.name == name for broker in one.found_brokers()))
    finally:
        one._leave()


def waited(one: Nearby, true: Callable[[], bool]) -> list[worker.FoundBroker]:
    pause = threading.Event()
    for _ in range(300):
        if true():
            return one.found_brokers()
        one.step()
        pause.wait(0.1)
    raise AssertionError(one.found_brokers())


def noise() -> None:
    """Datagrams that are no DNS, half of it, lies about their own length; and whole answers with names that no program should print."""
    rng = random.Random(7)
    datagrams = [(b"\0\0\x84\0" + rng.randbytes(8) if number % 2 else b"") + rng.randbytes(rng.randrange(600)) for number in range(300)]
    datagrams += [answer(f"{said}.{SECURE}") for said in ("\x1b[2J", "\u202eevil", "a\nb", "../../x", "x" * 60, " ", "..", "\0")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK[0]))
        for datagram in datagrams:
            out.sendto(datagram, ("224.0.0.251", 5353))


def answer(name: str) -> bytes:
    """As a program without manners would send it: a broker of that name, on this machine itself, with a TXT record cut short."""
    out = DNSOutgoing(_FLAGS_QR_RESPONSE | _FLAGS_AA)
    out.add_answer_at_time(DNSPointer(SECURE, _TYPE_PTR, _CLASS_IN, 120, name), 0)
    out.add_answer_at_time(DNSService(name, _TYPE_SRV, _CLASS_IN, 120, 0, 0, 8883, "evil"), 0)
    out.add_answer_at_time(DNSText(name, _TYPE_TXT, _CLASS_IN, 120, b"\xff" + b"a" * 30), 0)
    out.add_answer_at_time(DNSAddress("evil", _TYPE_A, _CLASS_IN, 120, socket.inet_aton("127.0.0.1")), 0)
    return b"".join(out.packets())


def test_a_network_that_forbids_it_is_a_degraded_part_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> Zeroconf:
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(worker, "Zeroconf", refused)
    one = nearby(about())
    assert not one.step()
    part = one._board.parts()[PART]
    assert (part.state, part.reason) == (
        "degraded", "not on the local network: cannot assign requested address; let UDP port 5353 through, or set nearby: null",
    )  # fmt: skip
    assert worker.look_for_brokers(0.1) == []


def test_a_name_that_somebody_always_takes_is_a_degraded_part(monkeypatch: pytest.MonkeyPatch, other: Zeroconf) -> None:
    monkeypatch.setattr(worker, "registered", renaming)
    monkeypatch.setattr(worker, "NAMING_S", 0.05)
    one = nearby(about())
    assert not one.step()
    assert one._board.parts()[PART].reason.startswith("not on the local network: its name is taken whatever number it gets")
    assert one._network is None


def test_a_box_that_stops_does_not_wait_for_a_name(monkeypatch: pytest.MonkeyPatch, other: Zeroconf) -> None:
    """Somebody takes each that is tried, and would for ever."""
    begun = threading.Event()

    async def taken(network: Zeroconf, info: ServiceInfo) -> None:
        begun.set()
        await renaming(network, info)

    monkeypatch.setattr(worker, "registered", taken)
    monkeypatch.setattr(worker, "NAMING_S", 600.0)
    one = nearby(about())
    thread = threading.Thread(target=one.run, args=(lambda: None,))
    thread.start()
    assert begun.wait(30)
    one.close()
    thread.join(30)
    assert not thread.is_alive()


async def renaming(_network: Zeroconf, _info: ServiceInfo) -> None:
    await asyncio.Event().wait()


def test_announcing_can_be_turned_off() -> None:
    one = Nearby(Options(announce=False), about(), seeking=False, clock=CLOCK, board=Board(), tally=Tally(), own=lambda _only: LOOPBACK)
    assert one.step() and not one._said
    one._leave()
