"""Brokers that announce themselves, as the first page offers them: heard by real mDNS on loopback."""

from __future__ import annotations

import socket
import uuid

import pytest
from zeroconf import IPVersion, ServiceInfo, Zeroconf

from device.nearby import worker
from device.nearby.heard import PLAIN, SECURE
from device.setup import nearby

LOOPBACK = ("127.0.0.1",)


def test_one_with_tls_goes_by_the_name_of_its_certificate_and_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "own_addresses", lambda _only: LOOPBACK)
    monkeypatch.setattr(nearby, "LOOK_S", 1.0)
    name = f"b{uuid.uuid4().hex[:10]}"
    try:
        other = Zeroconf(interfaces=list(LOOPBACK), ip_version=IPVersion.V4Only, use_asyncio=False)
    except OSError as error:
        pytest.skip(f"no multicast on loopback here: {error.strerror}")
    with other:
        for kind, port in ((PLAIN, 1883), (SECURE, 8883)):
            one = ServiceInfo(kind, f"{name}.{kind}", port, server=f"{name}.local.", addresses=[socket.inet_aton("192.0.2.7")])
            other.register_service(one, cooperating_responders=True)
        mine = [each for each in nearby.nearby() if each["name"] == name]
    assert mine == [
        {"name": name, "host": f"{name}.local", "port": 8883, "tls": True},
        {"name": name, "host": "192.0.2.7", "port": 1883, "tls": False},
    ]


def test_where_there_is_no_network_nobody_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "own_addresses", lambda _only: ())
    assert nearby.nearby() == []
