"""What was heard on the local network, cleaned: names, ports and addresses may be anything that somebody near likes to send."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

SECURE, PLAIN = "_secure-mqtt._tcp.local.", "_mqtt._tcp.local."
HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-)){0,7}", re.ASCII)
MOST_ADDRESSES = 4
LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class FoundBroker:
    """Somebody says to be one. It is used only by who is configured to, or when an owner says so; never for what it says."""

    name: str  # for people
    host: str  # `broker.local`
    addresses: tuple[str, ...]
    port: int
    tls: bool


def found_broker(kind: str, name: str, server: str | None, port: int | None, addresses: Iterable[str]) -> FoundBroker | None:
    """None for what cannot be one."""
    host = (server or "").rstrip(".").lower()
    usable = tuple(dict.fromkeys(address for text in addresses if (address := reachable(text))))[:MOST_ADDRESSES]
    if not HOST.fullmatch(host) or len(host) > 253 or not usable or not port or not 0 < port < 65536:
        return None
    return FoundBroker(legible(name.removesuffix(f".{kind}")), host, usable, port, kind == SECURE)


def reachable(text: str) -> str:
    """The address as it is written, or nothing: not this box itself, not everyone, not nowhere."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return ""
    strange = address.is_loopback or address.is_multicast or address.is_unspecified or address.is_reserved
    return "" if strange or getattr(address, "ipv4_mapped", None) else str(address)


def legible(text: str) -> str:
    """For a page or a terminal: one line, no control characters, nothing that turns the writing round."""
    kept = "".join(c if c.isprintable() else "?" for c in text.encode("utf-8", "replace").decode())
    return kept.strip()[:LONGEST_NAME] or "unnamed"
