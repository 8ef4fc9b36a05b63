"""Announce: what this box says of itself on the local network: its id, its version, where its page is."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from zeroconf import ServiceInfo

OURS, WEB, SECURE_WEB = "_vedette._tcp.local.", "_http._tcp.local.", "_https._tcp.local."


@dataclass(frozen=True, slots=True)
class About:
    """`host` is what the page listens on, as the configuration has it."""

    device_id: str
    version: str
    host: str
    port: int
    https: bool = False
    unclaimed: bool = False  # nobody owns it yet: its page is the one for the first start


def services(about: About, addresses: Sequence[str]) -> list[ServiceInfo]:
    """As ours, for whoever looks for such boxes, and as a page, for browsers; with a host name that no other program of this box uses."""
    said = {"id": about.device_id, "version": about.version, "path": "/", **({"state": "unclaimed"} if about.unclaimed else {})}
    return [
        ServiceInfo(
            kind,
            f"{name}.{kind}",
            port=about.port,
            properties=said,
            server=f"vedette-{about.device_id}.local.",
            addresses=[socket.inet_aton(address) for address in addresses],
        )
        for kind, name in ((OURS, about.device_id), (SECURE_WEB if about.https else WEB, f"Vedette {about.device_id}"))
    ]
